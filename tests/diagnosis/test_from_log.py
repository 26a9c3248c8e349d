"""What a log alone lets one suspect: each rule on courses whose answer is known, and never more than a suspicion."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from landscape import bundled_path, diagnose, diagnose_log, load_model
from landscape.commands import main
from landscape.logs import Log, Series
from landscape.tables.diagnosis import headline

STEPS = np.arange(1.0, 1001.0)
RNG = np.random.default_rng(0)
NOISE = RNG.standard_normal(1000)
EVERY = slice(99, None, 50)


def log(**series: np.ndarray) -> Log:
    found = {}
    for name, value in series.items():
        step = STEPS if len(value) == len(STEPS) else STEPS[EVERY][: len(value)]
        found[name] = Series(step, np.asarray(value, float))
    return Log(Path("log.csv"), "CSV", found)


FALLEN = 0.02 + 2 * np.exp(-STEPS / 60) + 0.003 * NOISE
FALLING = 2.3 - STEPS / 1000 + 0.02 * NOISE
FLAT = np.log(10) + 0.01 * NOISE
HELD = 0.3 + 2 * np.exp(-STEPS[EVERY] / 60)
RISING = HELD + (STEPS[EVERY] / 1000) ** 2 / 2
COURSES = {
    "healthy": (log(train_loss=FALLEN, validation_loss=HELD), "healthy", None),
    "unfinished": (log(train_loss=FALLING), "optimization", "unfinished"),
    "plateau": (log(train_loss=FLAT), "optimization", "plateau"),
    "overfitting": (log(train_loss=FALLEN - STEPS * 1e-5, validation_loss=RISING), "overfitting", None),
    "by accuracies": (log(train_accuracy=1 - 0.5 * np.exp(-STEPS / 60), validation_accuracy=np.full(19, 0.7)), "overfitting", None),
    "not finite": (log(train_loss=np.where(STEPS > 700, np.nan, FALLEN)), "broken", "exploding"),
    "grown": (log(train_loss=np.where(STEPS > 700, 50.0, FALLEN + 1)), "optimization", "exploding"),
    "nothing is said": (log(train_loss=FALLEN), "undetermined", None),
    "too short": (log(train_loss=np.array([3.0, 1.0])), "undetermined", None),
}  # fmt: skip


@pytest.mark.parametrize("name", COURSES)
def test_a_course_has_its_verdict_and_is_only_suspected(name):
    given, verdict, subtype = COURSES[name]
    report = diagnose_log(given).report
    assert (report["verdict"], report["subtype"]) == (verdict, subtype)
    assert report["confidence"] == "suspected"
    assert headline(report).endswith("(suspected)")
    assert report["verify"][1] == "landscape diagnose run.npz"
    assert any("parameters" in sentence for sentence in report["not_assessed"])
    assert all(reason["supports"] for reason in report["cited"])


def test_numbers_that_a_verdict_rests_on_are_those_of_the_log():
    report = diagnose_log(log(train_loss=FLAT)).report
    assert report["cited"][0]["value"] == pytest.approx(0, abs=0.01)
    assert report["cited"][0]["threshold"] == 0.05
    assert "ln 10, what guessing among 10 classes costs" in report["why"][1]
    since = diagnose_log(COURSES["not finite"][0]).report["why"][0]
    assert since.startswith("the training loss is nan from update 701 on, after 0.01612 at update 700")


def test_noise_is_no_fall_and_a_threshold_decides():
    flat = 0.5 + 0.3 * NOISE
    begun = np.where(STEPS < 100, 3.0 + 0.3 * NOISE, flat)
    assert diagnose_log(log(train_loss=begun)).report["verdict"] == "undetermined"
    held = log(train_loss=FALLEN - STEPS * 1e-5, validation_loss=RISING)
    assert diagnose_log(held, thresholds={"gap": 5.0}).report["verdict"] != "overfitting"


def test_a_rate_that_is_spent_and_spikes_are_said():
    rate = 0.1 * np.where(STEPS > 900, 1e-4, 1.0)
    spiked = FALLING.copy()
    spiked[500] = 99.0
    report = diagnose_log(log(train_loss=spiked, learning_rate=rate)).report
    assert any("though the rate had fallen to 1e-05, from 0.1" in sentence for sentence in report["why"])
    assert any("a spike of 99 at step 501" in sentence for sentence in report["warnings"])


def test_the_keys_are_those_of_any_diagnosis(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text("step,loss\n" + "".join(f"{step},{2 - step / 20}\n" for step in range(20)))
    with pytest.raises(SystemExit) as end:
        main(["diagnose", "--log", "log.csv", "--json"])
    assert end.value.code == 0
    found = json.loads(capsys.readouterr().out)
    whole = diagnose(load_model(bundled_path("digits")), budget="quick").summary()
    assert whole.keys() <= found.keys()
    assert whole["evidence"].keys() == found["evidence"].keys()
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        (["--log", "log.csv"], 0, "to verify"),
        (["--log=log.csv", "--threshold", "removable=0.5"], 0, "optimization / plateau (suspected)"),
        (["--log", "nothing.csv"], 2, "there is no such file"),
        (
            ["--log", "log.csv", "--budget", "quick"],
            2,
            "beside --log there are --threshold, --json and --quiet",
        ),
        (["--log", "log.csv", "model.npz"], 2, "unexpected extra argument"),
        (["--log", "log.csv", "--threshold", "big=1"], 2, "threshold: expected one of"),
    ],
)
def test_the_command_takes_a_log_in_place_of_a_model(tmp_path, monkeypatch, capsys, line, status, words):
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text("step,loss\n" + "".join(f"{step},{2 - step / 30}\n" for step in range(20)))
    with pytest.raises(SystemExit) as end:
        main(["diagnose", *line])
    assert end.value.code == status
    said = capsys.readouterr()
    assert words in said.out + said.err
    if status:
        assert len(said.err.splitlines()) == 1


def test_a_log_is_drawn_and_drawn_again(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{step},{2 - step / 30},{0.1 / (1 + step)}\n" for step in range(900))
    Path("log.csv").write_text("step,loss,lr\n" + rows)
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            main(["plot", "log.csv", "--json"])
        assert end.value.code == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["files"] == ["log.log.png"]
    assert Path("log.log.png").stat().st_size > 1000
    Path("other.csv").write_text("step,loss\n1,2\n2,1\n")
    with pytest.raises(SystemExit) as end:
        main(["plot", "other.csv", "-o", "log"])
    assert end.value.code == 2
    assert "holds something else" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["plot", "other.csv", "--kind", "contour"])
    assert end.value.code == 2


def test_numbers_that_cannot_be_laid_out_are_said_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text("step,loss,lr\n1,1e308,1e-308\n2,-1e308,1e300\n3,5,0\n4,nan,inf\n")
    with pytest.raises(SystemExit) as end:
        main(["plot", "log.csv"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "which cannot be drawn" in line
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
