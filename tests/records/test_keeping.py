"""All long work uses one frame, which reports progress, saves what is done, and finds existing results."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import partial

import numpy as np
import pytest

from landscape.critical import analysis, analyze_critical, search_critical
from landscape.curvature import analyze_hessian
from landscape.diagnosis import diagnose
from landscape.errors import InputError
from landscape.machine import cpu_kind
from landscape.model import build_model
from landscape.records import Pieces, keeper
from landscape.records.keeper import Interrupted, Keeper
from landscape.records.unfinished import Unfinished
from landscape.records.wording import already_there, interrupted
from landscape.scanning import scan
from landscape.sharpness import measure_sharpness
from landscape.studies import race, study_schedule, study_stability
from landscape.training import train
from landscape.trajectories import trajectory
from landscape.version import current_version
from tests.scanning.examples import small_model

MODEL = small_model(examples=45, test=20)
X = np.linspace(-1, 1, 12)[:, None]
TINY = build_model(
    layers=[(np.linspace(-1, 1, 4)[None], 0.1 * np.arange(4.0)), (np.linspace(1, -0.5, 4)[:, None], np.zeros(1))],
    activation="tanh", loss="mse", x_train=X, y_train=X**2,
)  # fmt: skip
ONE = {"threads": 1}
WORKS = {
    "scan": partial(scan, points=3, **ONE),
    "hessian": partial(analyze_hessian, top=1, **ONE),
    "critical": partial(analyze_critical, polishing=False, **ONE),
    "atlas": partial(search_critical, starts=2, **ONE),
    "sharpness": partial(measure_sharpness, measures=["lambda_max", "trace"], **ONE),
    "diagnose": partial(diagnose, budget="quick", **ONE),
    "race": partial(race, optimizers=["sgd"], tune=False, steps=4, points=3, seeds=1, **ONE),
    "stability": partial(study_stability, rates=[0.01], steps=4, looks=3, **ONE),
    "schedule": partial(study_schedule, schedules=["cosine"], steps=8, seeds=1, **ONE),
    "trajectory": partial(trajectory, points=3, **ONE),
    "train": partial(train, steps=4, **ONE),
}


def model_of(name):
    """Give a model that the work is quick on."""
    return TINY if name in ("atlas", "critical", "critical by products", "sharpness") else MODEL


@pytest.mark.parametrize("name", WORKS)
def test_a_share_goes_from_0_to_1_with_words_and_what_is_there_is_not_done_again(name, tmp_path):
    told, said, again = [], [], []
    path = tmp_path / "out.npz"
    WORKS[name](model_of(name), output=path, progress=lambda *at: told.append(at), announce=said.append)
    shares, words = zip(*told, strict=True)
    assert shares[0] == 0.0
    assert shares[-1] == pytest.approx(1.0)
    assert all(0.0 <= share <= 1.0 + 1e-9 for share in shares)
    assert words[0]
    assert not any("finished already" in sentence or "taking up" in sentence for sentence in said)
    content = path.read_bytes()
    WORKS[name](model_of(name), output=path, progress=lambda *at: again.append(at), announce=said.append)
    assert said[-1] == already_there(path)
    assert again == []
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", [name for name in WORKS if name != "train"])
def test_another_setting_is_refused_before_anything_is_said(name, tmp_path):
    said, path = [], tmp_path / "out.npz"
    WORKS[name](model_of(name), output=path)
    content = path.read_bytes()
    with pytest.raises(InputError, match=r"with other settings \(.*seed 0 there, 1 here"):
        WORKS[name](model_of(name), output=path, seed=1, announce=said.append)
    assert said == []
    assert path.read_bytes() == content


CUT = {
    "critical": partial(analyze_critical, **ONE),
    "critical by products": partial(analyze_critical, **ONE),
    "sharpness": partial(measure_sharpness, measures=["lambda_max", "trace", "sam"], **ONE),
    "trajectory": partial(trajectory, points=3, **ONE),
}


@pytest.mark.parametrize("name", CUT)
def test_work_that_is_cut_again_and_again_ends_with_the_numbers_of_an_unbroken_one(
    name, tmp_path, monkeypatch
):
    if name == "critical by products":
        monkeypatch.setattr(analysis, "MOST_DENSE", 8)
        monkeypatch.setattr(analysis, "MOST_DENSE_STEPS", 8)
    model = model_of(name)
    monkeypatch.setattr(keeper, "SAVE_SECONDS", -1.0)
    monkeypatch.setattr(keeper, "SAVE_PART", np.inf)
    path, cuts = tmp_path / "out.npz", [0.2, 0.35, 0.5, 0.8]
    whole = CUT[name](model)

    def cut(share, words):
        # As Ctrl-C does: a scan lets it wait until its sums are whole.
        if cuts and share >= cuts[0]:
            del cuts[0]
            signal.raise_signal(signal.SIGINT)

    done, kept = None, 0
    while done is None:
        try:
            done = CUT[name](model, output=path, progress=cut)
        except KeyboardInterrupt as told:
            kept += "keeps what is done" in str(told)
    assert kept > 1
    assert cuts == []
    theirs = whole.arrays()
    assert done.arrays().keys() == theirs.keys()
    assert all(
        np.array_equal(array, theirs[key], equal_nan=array.dtype.kind == "f")
        for key, array in done.arrays().items()
    )
    assert [found.name for found in tmp_path.iterdir() if "unfinished" in found.name] == []


class Book(Keeper):
    """Work that counts its steps."""

    def __init__(self, path, **options):
        super().__init__(path, **options)
        self.steps = self.writes = 0

    def write(self):
        self.writes += 1
        self.path.write_text(str(self.steps))
        return self.steps > 0


def test_a_save_comes_when_it_is_due_and_takes_but_a_small_part_of_the_time(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(keeper.time, "perf_counter", lambda: now[0])
    book = Book(tmp_path / "b")
    writing = book.write

    def slow():
        now[0] += 3.0
        return writing()

    monkeypatch.setattr(book, "write", slow)
    for _ in range(1000):
        now[0] += 1.0
        book.steps += 1
        book.pause()
    spent = 3.0 * book.writes
    assert book.writes > 1
    assert spent <= 1.2 * keeper.SAVE_PART * now[0]


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_for_a_pause_and_is_told_with_the_share(tmp_path):
    path = tmp_path / "b"

    def work():
        with Book(path, whole=False) as book, book.deferred():
            book.progress(0.25, "1 of 4 steps")
            press()
            book.steps = 1
            book.pause()

    with pytest.raises(KeyboardInterrupt) as told:
        work()
    assert str(told.value) == interrupted(path, 0.25)
    assert path.read_text() == "1"


def test_a_state_that_is_not_whole_is_not_saved_and_nothing_is_promised(tmp_path):
    path = tmp_path / "b"
    with pytest.raises(KeyboardInterrupt) as told, Book(path, whole=False):
        raise KeyboardInterrupt
    assert str(told.value) == interrupted()
    assert not path.exists()


def test_what_a_part_kept_of_its_own_is_said_and_not_that_nothing_is_kept(tmp_path):
    for path, expected in ((tmp_path / "part", interrupted(tmp_path / "part", 0.5)), (None, interrupted())):
        with pytest.raises(KeyboardInterrupt) as told, Book(None):
            raise Interrupted(path, 0.5)
        assert str(told.value) == expected


def test_pieces_that_are_taken_up_are_said_once(tmp_path):
    key = {"model": "m", "data": "d", "settings": {"seed": 0}}
    said = []

    def cut():
        with Pieces(tmp_path / "r.npz", **key) as pieces:
            pieces.once("one", lambda: {"value": np.ones(2)})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut()
    assert names_in(tmp_path) == ["r.unfinished.npz"]
    with Pieces(tmp_path / "r.npz", **key, announce=said.append) as pieces:
        pieces.progress(0.5, "1 of 2 pieces")
        pieces.progress(1.0, "2 of 2 pieces")
    assert said == ["resuming at 50%"]
    assert names_in(tmp_path) == []


def test_work_that_another_kind_of_cpu_began_is_taken_up_and_says_so(tmp_path, monkeypatch):
    key = {"model": "m", "data": "d", "settings": {"seed": 0}}
    path, said = tmp_path / "r.npz", []
    with monkeypatch.context() as elsewhere, suppress(KeyboardInterrupt):
        elsewhere.setattr(keeper, "cpu_kind", lambda: "another, vectors of 16 bytes")
        with Pieces(path, **key) as pieces:
            pieces.once("one", lambda: {"value": np.ones(2)})
            raise KeyboardInterrupt
    kept = Unfinished.load(tmp_path / "r.unfinished.npz")
    assert kept.machine == "another, vectors of 16 bytes"
    with Pieces(path, **key, announce=said.append) as pieces:
        pieces.progress(0.5, "1 of 2 pieces")
    assert said[0].startswith(
        "resuming at 50% what another kind of CPU began (another, vectors of 16 bytes; here "
    )
    assert cpu_kind() in said[0]
    assert pieces.machine == f"another, vectors of 16 bytes; then {cpu_kind()}"


def test_a_record_that_does_not_say_where_it_was_computed_is_read_and_taken_up_without_a_word(tmp_path):
    record = Unfinished(
        model="m",
        data="d",
        settings={"seed": 0},
        version=current_version(),
        seconds=1.0,
        pieces={"one": {"value": np.ones(2)}},
    )
    assert "machine" not in record.header()
    record.save(tmp_path / "r.unfinished.npz")
    said = []
    with Pieces(
        tmp_path / "r.npz", model="m", data="d", settings={"seed": 0}, announce=said.append
    ) as pieces:
        pieces.progress(0.5, "1 of 2 pieces")
    assert said == ["resuming at 50%"]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())
