"""A device that is not there is refused in one line that says what to do; what has no CUDA kernel is named."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pytest

from landscape import kernels
from landscape.commands import main
from landscape.errors import InputError
from landscape.kernels.cuda.supported import unsupported_ops
from landscape.kernels.cuda.table import OPS
from landscape.kernels.lowering import lower
from landscape.model import bundled_path
from landscape.objective import NetworkObjective, devices
from landscape.program.codes import Op
from landscape.program.table import Column
from landscape.records import load_record
from tests.cases import CASES, LAYOUTS, VALUES
from tests.running import run

KERNELS = Path(kernels.__file__).parent


class Driver:
    """A fake driver whose answers are set by the test."""

    def __init__(self, status=0, count=1, version=13_000):
        self.status, self.count, self.version = status, count, version

    def cuInit(self, flags):  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, found):  # noqa: N802
        ctypes.cast(found, ctypes.POINTER(ctypes.c_int)).contents.value = self.count
        return 0

    def cuDriverGetVersion(self, found):  # noqa: N802
        ctypes.cast(found, ctypes.POINTER(ctypes.c_int)).contents.value = self.version
        return 0


@pytest.fixture(autouse=True)
def no_simulator(monkeypatch):
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)


every_problem = pytest.mark.parametrize(
    ("driver", "number", "told"),
    [
        (None, 0, r"no NVIDIA driver is installed: .*landscape\[cuda\]"),
        (Driver(status=100), 0, r"found no GPU \(its status is 100\): .*landscape\[cuda\]"),
        (Driver(count=0), 0, "found no GPU"),
        (Driver(count=2), 5, "no device 5: the driver has devices 0 to 1"),
        (Driver(version=12_040), 0, r"CUDA 12\.4: expected one for 13\.0 or newer"),
    ],
)


@every_problem
def test_what_is_wrong_with_a_gpu_is_said_with_its_remedy(driver, number, told):
    assert re.search(told, devices.gpu_problem(number, lambda: driver))


def test_a_gpu_with_a_new_driver_has_no_problem():
    assert devices.gpu_problem(1, lambda: Driver(count=2)) is None


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "auto:1", ""])
def test_a_device_that_is_none_is_refused(name):
    with pytest.raises(InputError, match="expected auto, cpu, cuda or cuda:N"):
        devices.read_device(name)


def test_auto_takes_the_cpu_beside_a_gpu_which_is_taken_by_name(monkeypatch):
    monkeypatch.setattr(devices, "gpu_problem", lambda number: None)
    model = CASES["chain_relu"].model
    assert devices.settle_device("auto", model) == "cpu"
    assert devices.settle_device("cuda", model) == "cuda:0"
    assert devices.settle_device("cuda:2", model) == "cuda:2"


def test_auto_asks_no_driver(monkeypatch):
    def asked(*given):
        pytest.fail("the driver was asked")

    monkeypatch.setattr(devices, "gpu_problem", asked)
    assert NetworkObjective(CASES["chain_relu"].model, device="auto").device == "cpu"


def test_ops_and_jobs_without_a_kernel_are_named(monkeypatch):
    monkeypatch.setattr(devices, "gpu_problem", lambda number: None)
    name = next(name for name, case in CASES.items() if unsupported_ops(case.model))
    with pytest.raises(
        InputError, match=rf"no CUDA kernel yet for that, {unsupported_ops(CASES[name].model)[0]}"
    ):
        devices.settle_device("cuda", CASES[name].model, without=("that",))
    with pytest.raises(InputError, match="no CUDA kernel yet for the op 'groupnorm'"):
        devices.settle_device("cuda", CASES["groupnorm"].model)


def test_an_op_on_a_gpu_is_a_file_with_the_name_of_its_code_and_of_the_cpu_s_file():
    files = {
        device: {path.stem for path in (KERNELS / device / "ops").glob("[a-z]*.py")}
        for device in ("cpu", "cuda")
    }
    assert files["cuda"] == set(OPS) <= files["cpu"]
    assert set(OPS) <= {op.name.lower() for op in Op}


@pytest.mark.parametrize("name", CASES)
def test_what_an_op_says_of_a_gpu_is_true(name):
    model = CASES[name].model
    rows = {Op(op).name.lower() for op in lower(model, derivatives=True).rows[1:, Column.OP]}
    assert (rows <= set(OPS)) == (not unsupported_ops(model))


@pytest.mark.parametrize("name", [*LAYOUTS, *VALUES])
def test_a_network_of_general_ops_has_kernels_for_a_gpu(monkeypatch, name):
    monkeypatch.setattr(devices, "gpu_problem", lambda number: None)
    assert devices.settle_device("cuda", CASES[name].model, training=True) == "cuda:0"


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Run a command beside a driver; give the one line in which it ends, with status 2 and nothing written."""

    def run(command, driver, device="cuda"):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(devices.gpu_problem, "__defaults__", (lambda: driver,))
        with pytest.raises(SystemExit) as leaving:
            main([command, str(bundled_path("digits")), "--device", device])
        told = capsys.readouterr().err
        assert leaving.value.code == 2, told
        assert told.count("\n") == 1
        assert not list(tmp_path.iterdir())
        return told

    return run


@pytest.mark.parametrize(
    "command", ["scan", "hessian", "critical", "sharpness", "train", "race", "trajectory"]
)
def test_a_command_on_a_gpu_that_is_not_there_ends_with_status_2_and_writes_nothing(command, refused):
    assert "numba-landscape[cuda]" in refused(command, None)


@every_problem
def test_every_problem_of_a_gpu_ends_a_command_alike(driver, number, told, refused):
    assert re.search(told, refused("scan", driver, f"cuda:{number}"))


def test_a_gpu_without_its_compiler_ends_a_command_alike(monkeypatch, refused):
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    assert "the compiler for the GPU is not installed: pip install 'numba-landscape[cuda]'" in refused(
        "train", Driver()
    )


def test_auto_computes_on_the_cpu_says_so_and_is_resumed_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(devices, "gpu_problem", lambda number: None)
    record, data = tmp_path / "line.npz", bundled_path("digits")
    scan = (
        "scan",
        data,
        "--dimensions",
        1,
        "--points",
        3,
        "--split",
        "train",
        "--no-figure",
        "--output",
        tmp_path / "line",
    )
    assert run(*scan, "--device", "auto") == 0
    assert ", cpu\n" in capsys.readouterr().out
    assert load_record(record).settings["device"] == "cpu"
    before = record.read_bytes()
    assert run(*scan, "--device", "cpu") == 0
    monkeypatch.setattr("landscape.scanning.subject.recorded_device", lambda device: "cuda")
    assert run(*scan) == 2
    assert "device" in capsys.readouterr().err
    assert record.read_bytes() == before
