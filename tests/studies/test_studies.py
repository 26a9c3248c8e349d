"""Studies: their numbers against a closed form or a slow twin, and the sentences that state the findings."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.commands import main
from landscape.errors import InputError
from landscape.model import build_model, save_model
from landscape.objective import NetworkObjective
from landscape.plots import figures
from landscape.records import Study, load_record
from landscape.studies import study_batch_size, study_learning_rate, study_schedule, study_stability
from landscape.studies.batch_sharpness import batch_curvatures, batch_sharpness
from landscape.studies.batch_size import noise_scale
from landscape.studies.learning_rate import CLASSES, TAIL, classes, limits, proposals
from landscape.studies.limits import limit_factor, sharpness
from landscape.studies.stability import sentences
from landscape.training import train
from tests.scanning.examples import small_model

RNG = np.random.default_rng(0)


def line(curvature: float = 1.0):
    """One weight and no bias on y = 0: the loss is ½·curvature·w², its Hessian the curvature."""
    x = np.full((8, 1), np.sqrt(curvature / 2.0))
    return build_model(
        layers=[(np.array([[1.0]]), None)], loss="mse", x_train=x, y_train=np.zeros((8, 1)), name="line"
    )


@pytest.fixture(scope="module")
def stable() -> Study:
    return study_stability(line(2.0), rates=[0.5, 1.2], steps=40, looks=5, threads=1)


def test_the_sharpness_of_a_quadratic_is_its_curvature_along_all_of_the_run(stable):
    np.testing.assert_allclose(stable.series["sharpness"][0], 2.0, rtol=1e-6)
    np.testing.assert_allclose(stable.series["limit"], [4.0, 2 / 1.2], rtol=1e-12)


def test_the_sharpness_of_batches_of_a_quadratic_is_their_curvature():
    """Of one slope g = 2 mean(x²)(w − w*) and H = 2 mean(x²): the mean over all batches is twice the mean square of the inputs."""
    x = np.random.default_rng(3).standard_normal((40, 1))
    one = build_model(layers=[(np.array([[0.3]]), None)], loss="mse", x_train=x, y_train=2 * x)
    curvatures = batch_curvatures(one, 4, seed=1, batches=400, threads=1)
    mean, error = float(curvatures.mean()), float(curvatures.std() / 20)
    assert abs(mean - 2 * float(np.mean(x**2))) < 4 * error
    assert batch_sharpness(one, 40, threads=1) == pytest.approx(2 * float(np.mean(x**2)), rel=1e-9)
    two = np.random.default_rng(4).standard_normal((60, 2))
    plane = build_model(
        layers=[(np.array([[0.5, -1.0]]), None)], loss="mse", x_train=two, y_train=two @ [[1.0], [2.0]]
    )
    gradient = 2 * two.T @ (two @ (plane.theta - [1.0, 2.0])) / 60
    hessian = 2 * two.T @ two / 60
    assert batch_sharpness(plane, 60, threads=1) == pytest.approx(
        gradient @ hessian @ gradient / (gradient @ gradient), rel=1e-9
    )


def test_with_batches_the_study_follows_their_sharpness_beside_the_largest_curvature():
    found = study_stability(line(2.0), rates=[0.5], steps=20, looks=3, batch_size=4, threads=1)
    assert found.series["batch_sharpness"].shape == (1, 3)
    assert np.isfinite(found.series["batch_sharpness"][0, 0])
    assert "sharpness of batches" in found.findings[0]
    with pytest.raises(InputError, match="batch_size"):
        study_stability(line(), optimizer="adam", batch_size=4)


def test_below_the_limit_a_quadratic_converges_and_above_it_grows(stable):
    losses = stable.series["loss"]
    assert losses[0, -1] < 1e-6
    assert losses[1, -1] > 1e3 * losses[1, 0]
    assert "below the edge, 0.500 of the limit 2/η" in stable.findings[0]
    assert "above the limit" in stable.findings[1]


def test_the_limit_of_adam_is_38_and_of_heavy_ball_twice_one_plus_beta():
    assert limit_factor("adam", 0.9) == pytest.approx(38.0)
    assert limit_factor("heavy_ball", 0.9) == pytest.approx(3.8)


def test_an_edge_is_said_where_the_curvature_is_near_its_limit():
    series = {
        "sharpness": np.array([[1.0, 18.0, 19.8, 20.1]]),
        "loss": np.ones((1, 4)),
        "step": np.arange(4.0)[None],
    }
    assert "at the edge of stability" in sentences([0.1], series, 2.0)[0]


def test_a_study_of_stability_refuses_an_optimizer_without_a_limit():
    with pytest.raises(InputError, match="knows the limits of"):
        study_stability(line(), optimizer="lion")


def test_the_preconditioned_curvature_of_adam_is_followed():
    found = study_stability(small_model(), optimizer="adam", rates=[0.01], steps=12, looks=3, threads=1)
    assert np.isnan(found.series["sharpness"][0, 0])
    assert np.isfinite(found.series["sharpness"][0, 1:]).all()


def test_the_rate_proposed_is_the_median_of_the_seeds_best_ones():
    rates = np.array([0.01, 0.1, 1.0])
    last = np.array([[[3.0, 3.0, 3.0], [1.0, 2.0, 1.0], [2.0, 1.0, np.inf]]])
    numbers, words = proposals(["sgd"], rates, last)
    assert (numbers["sgd.rate"], numbers["sgd.rate_low"], numbers["sgd.rate_high"]) == (0.1, 0.1, 1.0)
    assert "η = 0.1" in words[0]
    assert "from η = 1 on (1 of 3 there)" in limits(["sgd"], rates, last, {"limit": 0.5})[1]


def test_ends_are_told_apart_by_fall_and_by_the_cosine_of_steps():
    last, half = np.array([np.inf, 1.0, 2.0, 2.0, 2.0]), np.full(5, 2.0)
    kinds = classes(last, half, np.array([np.nan, 0.0, -0.9, 0.0, 0.9]))
    assert [CLASSES[kind] for kind in kinds] == ["diverged", "falling", "oscillation", "noise", "plateau"]


def test_descent_on_a_quadratic_diverges_beyond_two_over_lambda():
    found = study_learning_rate(
        line(4.0), optimizers=["sgd"], rates=[0.1, 0.4, 0.6], steps=3000, batch_size=8, seeds=1, threads=1
    )
    assert found.numbers["limit"] == pytest.approx(0.5, rel=1e-6)
    assert np.isfinite(found.series["train_loss"][0, :, 0]).tolist() == [True, True, False]
    assert "runs diverge from η = 0.6" in " ".join(found.findings)


def test_the_limit_of_an_adaptive_optimizer_is_that_of_the_curvature_over_its_gradients():
    # The gradient and the curvature of ½cw² at w = 1 are both c, so that preconditioned by |g| the curvature is 1.
    found = study_learning_rate(
        line(4.0), optimizers=["adam", "rmsprop", "heavy_ball", "lion"], rates=[0.01], steps=2, batch_size=4, seeds=1, threads=1
    )  # fmt: skip
    assert found.numbers["adam.limit"] == pytest.approx(38.0, rel=1e-5)
    assert found.numbers["rmsprop.limit"] == pytest.approx(2.0, rel=1e-5)
    assert found.numbers["heavy_ball.limit"] == pytest.approx(3.8 / 4.0, rel=1e-5)
    assert "lion.limit" not in found.numbers
    assert len(figures(found)) == 1


def test_the_end_of_a_run_is_looked_at_with_the_optimizers_memory():
    # Adam started anew would forget its momentum, and step by η whatever the gradient.
    whole = train(
        line(), optimizer="adam", learning_rate=0.3, batch_size=8, steps=40 + TAIL, checkpoints=41 + TAIL
    )
    found = study_learning_rate(
        line(), optimizers=["adam"], rates=[0.3], steps=40, batch_size=8, seeds=1, threads=1
    )
    moves = np.sign(np.diff(whole.checkpoints[40:, 0]))
    assert found.series["swing"].item() == pytest.approx(np.mean(moves[1:] * moves[:-1]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("study", [study_learning_rate, study_stability, study_schedule, study_batch_size])
def test_a_start_without_a_finite_loss_is_refused(study):
    with pytest.raises(InputError, match="the start: expected a finite training loss"):
        study(line().with_theta(np.array([1e30])), dtype="float32", threads=1)


def test_a_rate_that_is_not_positive_is_refused():
    with pytest.raises(InputError, match="above 0"):
        study_learning_rate(line(), rates=[0.1, 0.0])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("study", "options"),
    [
        (study_learning_rate, {"rates": [1e30], "optimizers": ["sgd"], "steps": 5, "seeds": 1}),
        (study_stability, {"rates": [1e30], "steps": 9, "looks": 3}),
        (study_schedule, {"learning_rate": 1e30, "schedules": ["constant"], "steps": 5, "seeds": 1}),
        (study_batch_size, {"learning_rate": 1e30, "batch_sizes": [10, 100], "epochs": 1, "seeds": 1}),
    ],
)  # fmt: skip
def test_a_study_whose_every_run_diverges_has_that_for_a_result(study, options):
    found = study(small_model(), threads=1, **options)
    assert "diverge" in " ".join(found.findings)
    assert len(figures(found)) == 1


def test_a_batch_larger_than_the_data_is_all_of_it_and_said():
    said = []
    found = study_schedule(
        small_model(),
        schedules=["constant"],
        steps=4,
        seeds=1,
        batch_size=9999,
        threads=1,
        announce=said.append,
    )
    assert "training examples: a batch of 9999 is all of them" in said[0]
    assert found.settings["batch_size"] == small_model().examples("train")


def test_the_noise_scale_is_that_of_the_examples_gradients():
    model = small_model()
    gradients = np.stack([
        NetworkObjective(
            build_like(model, [row]), threads=1
        ).gradient(model.theta)
        for row in range(model.examples("train"))
    ])  # fmt: skip
    mean = gradients.mean(axis=0)
    exact = np.sum((gradients - mean) ** 2) / (len(gradients)) / (mean @ mean)
    assert noise_scale(model, 0) == pytest.approx(exact, rel=0.25)


def test_where_there_is_no_gradient_the_noise_scale_is_infinite():
    assert noise_scale(line().with_theta(np.zeros(1)), 0) == np.inf


def build_like(model, rows):
    """The model with some of its examples."""
    from dataclasses import replace

    return replace(
        model, data={"x_train": model.data["x_train"][rows], "y_train": model.data["y_train"][rows]}
    )


@pytest.fixture(scope="module")
def batches() -> Study:
    return study_batch_size(small_model(), batch_sizes=[10, 100], epochs=2, init="he", seeds=2, threads=1)


def test_equal_epochs_take_fewer_updates_and_equal_updates_do_not(batches):
    np.testing.assert_array_equal(batches.series["epochs.updates"], [60, 6])
    np.testing.assert_array_equal(batches.series["updates.updates"], [60, 60])
    epochs, updates = (np.median(batches.series[f"{b}.train_loss"], axis=1) for b in ("epochs", "updates"))
    assert epochs[1] > epochs[0]
    assert updates[1] < epochs[1]


def test_what_held_out_data_say_is_told_for_both_budgets(batches):
    said = " ".join(batches.findings)
    assert "after equal epochs the test accuracy is" in said
    assert "after equal updates the test accuracy is" in said
    assert len(figures(batches)["batch_size"].axes) == 4


def test_an_epochs_time_is_its_updates(batches):
    times, updates = batches.series["update_seconds"], np.array([30, 3])
    np.testing.assert_allclose(batches.series["epoch_seconds"], times * updates)


def test_the_sharpness_is_the_largest_eigenvalue_of_the_minimum(batches):
    assert (batches.series["updates.sharpness"] > 0).all()
    assert sharpness(line(3.0), 1, "cpu")["value"] == pytest.approx(3.0)


def test_schedules_are_run_without_and_with_a_rise():
    found = study_schedule(
        small_model(), schedules=["constant", "linear"], steps=20, seeds=2, init="he", threads=1
    )
    assert found.series["train_loss"].shape[:3] == (2, 2, 2)
    assert found.numbers["warmup"] == 2
    assert "lowest final training loss" in found.findings[0]
    assert set(figures(found)) == {"schedule"}


def test_a_rise_longer_than_the_run_is_refused():
    with pytest.raises(InputError, match="warmup"):
        study_schedule(small_model(), steps=20, warmup=20)


@pytest.mark.parametrize("name", ["stable", "batches"])
def test_a_study_is_drawn_saved_and_loaded(name, request, tmp_path):
    record = request.getfixturevalue(name)
    record.save(tmp_path / "s.npz")
    loaded = load_record(tmp_path / "s.npz")
    assert loaded == record
    assert len(figures(loaded)) == 1
    json.dumps(loaded.summary(), allow_nan=False)


def test_the_command_says_what_was_found_and_names_its_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_model(line(2.0), "m.npz")
    arguments = ["study", "stability", "m.npz", "--rates", "0.5", "--steps", "20", "--looks", "3"]
    with pytest.raises(SystemExit) as end:
        main(arguments)
    out = capsys.readouterr().out
    assert not end.value.code
    assert "η = 0.5" in out
    assert {p.name for p in tmp_path.iterdir()} == {
        "m.npz",
        "m.study.stability.rates0.5.steps20.looks3.npz",
        "m.study.stability.rates0.5.steps20.looks3.stability.png",
    }
    with pytest.raises(SystemExit) as end:
        main([*arguments[:-1], "4", "-o", "m.study.stability.rates0.5.steps20.looks3"])
    assert end.value.code == 2
    assert "other settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("study", "options", "told"),
    [
        (study_learning_rate, {"optimizers": ["sgd", "sgd"]}, "optimizers: expected different names"),
        (study_schedule, {"schedules": ["constant", "constant"]}, "schedules: expected different names"),
        (study_batch_size, {"epochs": np.inf, "batch_sizes": [10]}, "epochs: expected a number above 0"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_the_work(study, options, told):
    said = []
    with pytest.raises(InputError, match=told):
        study(small_model(), announce=said.append, **options)
    assert said == []
