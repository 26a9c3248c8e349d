"""Dask's workers, in this process and in others, of which one is killed in the middle."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from functools import partial

import numpy as np
import pytest

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")

import landscape  # noqa: E402
from landscape.errors import InputError, WorkerError  # noqa: E402
from landscape.records.keeper import Keeper  # noqa: E402
from landscape.scanning import portions  # noqa: E402
from landscape.workers import Workers, open_workers, parcel, read  # noqa: E402
from tests.scanning.examples import small_model  # noqa: E402
from tests.workers.test_scans import same  # noqa: E402

# Tornado's and Dask's own warnings are not ours.
pytestmark = [pytest.mark.dask, pytest.mark.filterwarnings("ignore")]

SCAN = partial(landscape.scan, small_model(), points="6x5", seed=3, dtype="float64")


@pytest.fixture(scope="module")
def cluster():
    """Two workers in this process."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as made:
        yield made


@pytest.fixture(scope="module")
def client(cluster):
    with distributed.Client(cluster) as made:
        yield made


def test_dasks_executor_gives_the_record_of_one_machine(client):
    with client.get_executor(pure=True, retries=2) as executor:
        assert same(SCAN(executor=executor), SCAN(threads=1))
        assert Workers(executor).size.count == 2


def test_what_workers_do_not_see_is_scattered_to_them_once(client, monkeypatch, tmp_path):
    monkeypatch.setattr(parcel.tempfile, "gettempdir", lambda: str(tmp_path))
    real = parcel.read
    monkeypatch.setattr(
        parcel, "read", lambda path, sha256: real(path, sha256) if tmp_path in path.parents else None
    )
    parcel.Opened.sha256 = ""
    sent = []
    scatter = client.scatter
    monkeypatch.setattr(client, "scatter", lambda *given, **how: sent.append(how) or scatter(*given, **how))
    assert same(SCAN(executor=client.get_executor()), SCAN(threads=1))
    assert sent == [{"broadcast": True, "hash": False}]


def test_an_address_leads_to_the_scheduler(cluster, monkeypatch):
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as other, open_workers(other.scheduler_address) as workers:  # fmt: skip
        assert same(SCAN(executor=workers), SCAN(threads=1))
    monkeypatch.setattr(read, "FIRST_WORKER", 0.5)
    empty = distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None, protocol="tcp")
    with (
        empty,
        pytest.raises(InputError, match="no worker after"),
        open_workers(empty.scheduler_address),
    ):
        pass


def test_a_scheduler_that_is_not_there_is_told_within_seconds(monkeypatch):
    monkeypatch.setattr(read, "CONNECT", 0.5)
    begun = time.monotonic()
    with pytest.raises(InputError, match="no scheduler answered within"), open_workers("tcp://127.0.0.1:9"):
        pass
    # Dask's own patience is 30 s.
    assert time.monotonic() - begun < 25


@pytest.fixture
def certificates(tmp_path):
    """Two certificates of their own, with their keys."""
    for name in ("ours", "theirs"):
        command = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN={name} -addext subjectAltName=IP:127.0.0.1"
        files = ["-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem"]
        subprocess.run(["openssl", *command.split(), *files], check=True, capture_output=True)
    return tmp_path


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the program openssl")
def test_tls_takes_the_certificates_of_dasks_settings_and_refuses_others_in_one_line(
    certificates, monkeypatch
):
    monkeypatch.setattr(read, "CONNECT", 60)

    def settings(name, authority="ours"):
        own = {"key": f"{certificates / name}.key", "cert": f"{certificates / name}.pem"}
        chosen = {
            f"{role}.{part}": path for role in ("client", "scheduler", "worker") for part, path in own.items()
        }
        chosen["ca-file"] = f"{certificates / authority}.pem"
        return dask.config.set({f"distributed.comm.tls.{key}": path for key, path in chosen.items()})

    with settings("ours"), distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tls", host="127.0.0.1",
        security=distributed.Security(),
    ) as cluster:  # fmt: skip
        address = cluster.scheduler_address
        assert address.startswith("tls://")
        with open_workers(address) as workers:
            assert same(SCAN(executor=workers), SCAN(threads=1))
        # A refusal is waited for to the end.
        monkeypatch.setattr(read, "CONNECT", 2)
        for name, authority in (("ours", "theirs"), ("theirs", "ours"), ("none", "ours"), ("ours", "none")):
            with settings(name, authority), pytest.raises(InputError) as told, open_workers(address):
                pass
            assert str(told.value).startswith(f"--workers {address}: ")
            assert "\n" not in str(told.value)
            assert "ca-file" in str(told.value)


def test_a_worker_of_another_version_is_refused(client, monkeypatch):
    from landscape.workers import task

    other = task.identity() | {"landscape": "0.0.1 (00000000)"}
    monkeypatch.setattr(task, "identity", lambda: other)
    with pytest.raises(WorkerError, match=r"landscape .* here, 0\.0\.1"):
        SCAN(executor=client.get_executor())


def test_a_worker_that_is_killed_in_the_middle_changes_no_bit(monkeypatch, tmp_path):
    monkeypatch.setattr(portions, "SECONDS", 1e-9)
    monkeypatch.setattr(Keeper, "due", lambda self: True)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        killed = threading.Event()

        def told(share, words):
            if share > 0.2 and not killed.is_set():
                killed.set()
                os.kill(cluster.workers[0].pid, signal.SIGKILL)

        found = SCAN(executor=client.get_executor(retries=2), progress=told, output=tmp_path / "scan.npz")
        assert killed.is_set()
    assert same(found, SCAN(threads=1))
    assert np.isfinite(found.values["train_loss"]).all()
