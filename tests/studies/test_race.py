"""A race: the same start for all, the ranking, rates tuned alike, and what stands in the record."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from landscape.commands import main
from landscape.commands.race import table
from landscape.errors import InputError
from landscape.model import save_model
from landscape.objective import NetworkObjective
from landscape.plots import figures
from landscape.records import Race, load_record
from landscape.studies import race
from landscape.studies.race import TUNING_RATES, entrants
from landscape.training import at_initialization, train_many
from tests.scanning.examples import small_model

QUICK = {"optimizers": ["sgd", "adam"], "steps": 20, "points": 5, "threads": 1}


@pytest.fixture(scope="module")
def record() -> Race:
    return race(small_model(), learning_rate=[0.1, 1e-9], seeds=2, init="he", **QUICK)


def test_all_start_from_one_point_and_its_loss(record):
    first = record.values["train_loss"][:, :, 0]
    center = NetworkObjective(small_model(), "train", threads=1).evaluate(record.scan.center).loss
    np.testing.assert_allclose(first, center, rtol=1e-5)
    np.testing.assert_allclose(record.projected[:, 0], 0.0, atol=1e-6)


def test_who_hardly_moves_comes_last(record):
    assert [record.optimizers[index] for index in record.ranking()] == ["sgd", "adam"]
    told = record.summary()["ranking"]
    assert told[0]["train_loss"] < told[1]["train_loss"]
    assert told[0]["band"][0] <= told[0]["train_loss"] <= told[0]["band"][1]


def test_examples_are_updates_times_the_batch(record):
    np.testing.assert_array_equal(record.examples, 32 * record.step)
    assert record.step[-1] == 20


def test_seeds_draw_other_batches(record):
    runs = record.values["train_loss"][0, :, -1]
    assert runs[0] != runs[1]


def test_the_record_comes_back_and_is_not_computed_again(tmp_path):
    path = tmp_path / "r.npz"
    asked = {"learning_rate": 0.01, "output": path, **QUICK}
    first = race(small_model(), seeds=1, **asked)
    assert load_record(path) == first
    assert race(small_model(), seeds=1, **asked) == first
    with pytest.raises(InputError, match="other settings"):
        race(small_model(), seeds=2, **asked)


def test_tuning_chooses_the_rate_with_the_lowest_median_loss_of_other_seeds():
    found = race(small_model(), seeds=3, init="he", **{**QUICK, "optimizers": ["sgd", "adam"]})
    runs = train_many(
        at_initialization(small_model(), "he", 0), optimizer="adam", learning_rate=list(TUNING_RATES), seed=[3, 4, 5], steps=20,
        threads=1,
    ).losses["train_loss"][:, -1]  # fmt: skip
    np.testing.assert_array_equal(found.tuning_loss[1], np.median(runs.reshape(-1, 3), axis=1))
    assert found.tuning_loss.shape == (2, len(TUNING_RATES))
    np.testing.assert_array_equal(found.rates, np.array(TUNING_RATES)[found.tuning_loss.argmin(axis=1)])
    assert found.summary()["tuned"]
    assert "rates tuned alike" in figures(found)["race"].get_suptitle()


def test_rates_that_were_given_or_left_alone_are_said_to_be_untuned(record):
    assert not record.summary()["tuned"]
    assert "rates not tuned" in figures(record)["race"].get_suptitle()
    assert "not tuned" in table(record)
    alone = race(small_model(), tune=False, seeds=1, **QUICK)
    assert alone.rates.tolist() == [0.01, 0.01]
    assert not alone.tuned
    with pytest.raises(InputError, match="given or tuned"):
        race(small_model(), tune=True, learning_rate=0.1, **QUICK)


@pytest.mark.parametrize("name", ["steps", "epochs", "batch_size", "seeds", "points", "learning_rate"])
@pytest.mark.parametrize(
    "value", [0, -1, math.nan, math.inf, 10**400], ids=["zero", "negative", "nan", "inf", "400 digits"]
)
def test_a_number_that_cannot_be_is_refused_before_anything_runs(name, value):
    said = []
    quick = {key: number for key, number in QUICK.items() if (key, name) != ("steps", "epochs")}
    value = math.inf if value == 10**400 and name in ("epochs", "learning_rate") else value
    with pytest.raises(InputError, match=name) as refused:
        race(small_model(), **{**quick, name: value}, announce=said.append)
    assert said == []
    assert len(str(refused.value)) < 300


def test_the_names_of_pytorch_are_those_of_this_package():
    assert entrants(["Adam", "SGD", "torch.optim.RMSprop"], 0.1)[0] == ("adam", "sgd", "rmsprop")
    with pytest.raises(InputError, match="different names"):
        entrants(["Adam", "adam"], 0.1)
    with pytest.raises(InputError, match="did you mean 'adam'"):
        entrants(["adm"], 0.1)


def test_a_divergence_is_a_result_and_ranks_last():
    found = race(small_model(), learning_rate=[1e12, 0.01], seeds=1, **{**QUICK, "steps": 40})
    assert found.optimizers[found.ranking()[-1]] == "sgd"
    assert found.summary()["ranking"][-1]["diverged"] in (0, 1)


def test_figures_are_drawn_with_the_best_first(record):
    drawn = figures(record)
    assert set(drawn) == {"race", "paths"}
    assert drawn["race"].legends[0].get_texts()[0].get_text().startswith("sgd")


@pytest.mark.parametrize(
    ("optimizers", "rates", "message"),
    [
        (["sgd", "sgd"], 0.1, "different names"),
        ([], 0.1, "different names"),
        (["sgd"], [0.1, 0.2], "expected one"),
    ],
)
def test_a_list_that_is_none_is_refused(optimizers, rates, message):
    with pytest.raises(InputError, match=message):
        entrants(optimizers, rates)


def test_steps_and_epochs_at_once_are_refused():
    with pytest.raises(InputError, match="found both"):
        race(small_model(), epochs=1, **QUICK)


def test_the_command_prints_one_object_and_refuses_what_it_does_not_know(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_model(small_model(), "m.npz")
    with pytest.raises(SystemExit) as end:
        main(
            [
                "race",
                "m.npz",
                "--optimizer",
                "sgd",
                "--steps",
                "20",
                "--no-tune",
                "--seeds",
                "1",
                "--points",
                "3",
                "--json",
                "--quiet",
            ]
        )
    assert not end.value.code
    told = json.loads(capsys.readouterr().out)
    assert told["ranking"][0]["optimizer"] == "sgd"
    assert {path.name for path in tmp_path.iterdir()} == {
        "m.npz",
        "m.race.sgd.not-tuned.steps20.seeds1.points3.npz",
        "m.race.sgd.not-tuned.steps20.seeds1.points3.race.png",
        "m.race.sgd.not-tuned.steps20.seeds1.points3.paths.png",
    }
    for arguments, word in (
        (["--optimizer", "moon"], "adam"),
        (["--learning-rate", "x"], "expected a number above 0"),
        (["--learning-rate", "-1"], "rate"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["race", "m.npz", *arguments, "--output", "other", "--quiet"])
        assert end.value.code == 2
        assert word in capsys.readouterr().err


def test_the_median_counts_a_divergence_and_the_band_ends_there(record):
    losses = np.array([[1.0, 0.5, np.nan], [1.0, 0.6, 0.4], [1.0, 0.7, 0.2]])
    values = {"train_loss": np.stack([losses, losses])}
    three = replace(record, values=values, diverged=np.array([[2, -1, -1]] * 2), step=record.step[:3], examples=record.examples[:3],
                    projected=record.projected[:, :3], distance=record.distance[:, :3])  # fmt: skip
    axes = figures(three)["race"].axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [1.0, 0.6, 0.4])
    assert axes.collections[0].get_datalim(axes.transData).xmax == record.step[1]


def test_every_entrant_is_checked_before_any_of_them_runs():
    said = []
    with pytest.raises(InputError, match="optimizer: expected one of"):
        race(small_model(), **{**QUICK, "optimizers": ["sgd", "moon"]}, announce=said.append)
    assert said == []


def test_more_runs_than_memory_holds_are_refused():
    with pytest.raises(InputError, match="more than memory holds"):
        race(small_model(), seeds=10**12, **QUICK)
