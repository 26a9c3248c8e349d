"""Metrics by name: their definitions, written out slowly; weights as repetitions; errors as the spread over subsets; names that are refused."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective import NetworkObjective, RecomputedObjective, evaluate_model, metrics
from landscape.objective.metric_table import OF_DECISIONS, OF_NUMBERS, OF_TWO, PREDICTED, fitting
from landscape.objective.metrics import Metrics
from landscape.objective.sample import Sample
from tests.cases import CASES
from tests.engine import DTYPES, single
from tests.objective.test_sample_weights import counted

CLASSES = (
    "chain_relu", "ignored_labels", "ignored_plain_labels", "image_labels", "image_weights", "soft_targets", "kl_divergence",
    "multi_margin", "class_weights",
)  # fmt: skip
SIDES = ("binary_three_outputs", "binary_soft", "binary_weights")
NUMBERS = ("mse", "mae", "huber_delta", "sequence_mse", "poisson", "poisson_rate")


def names_of(model):
    """Every metric that a model's loss has."""
    return [*fitting(model), *(["top2"] if model.loss in ("cross_entropy", "kl_divergence", "multi_margin") else []),
            *(["top1"] if model.loss not in PREDICTED else [])]  # fmt: skip


def decisions(model, outputs, targets):
    """Each target that counts: its example, the outputs of the classes and the class that is meant."""
    if model.loss in ("binary_cross_entropy", "focal"):
        targets = targets.reshape(outputs.shape)
        return [(at[0], [0.0, outputs[at]], int(targets[at] > 0.5)) for at in np.ndindex(outputs.shape)]
    last = np.moveaxis(outputs, 1, -1) if outputs.ndim > 3 else outputs
    if targets.dtype.kind == "f":
        targets = (np.moveaxis(targets, 1, -1) if outputs.ndim > 3 else targets).argmax(-1)
    each = [(at[0], list(last[at]), int(targets[at])) for at in np.ndindex(targets.shape)]
    return [one for one in each if one[2] != model.loss_options.ignored]


def of_decisions(name, found, weights):
    """A metric of classes from every target by itself."""
    classes = len(found[0][1])
    table, places = np.zeros((classes, classes)), np.zeros(classes)
    for example, scores, meant in found:
        order = sorted(range(classes), key=lambda c, scores=scores: (-scores[c], c))
        table[meant, order[0]] += weights[example]
        places[order.index(meant)] += weights[example]
    if name.startswith("top"):
        return places[: int(name.removeprefix("top"))].sum() / places.sum()
    hits, asked, given = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    above, below = {
        "balanced_accuracy": (hits, asked), "mean_iou": (hits, asked + given - hits), "macro_f1": (2 * hits, asked + given),
        "recall": (hits[1:], asked[1:]), "precision": (hits[1:], given[1:]), "f1": (2 * hits[1:], (asked + given)[1:]),
    }[name]  # fmt: skip
    ratios = [a / b for a, b in zip(above, below, strict=True) if b > 0]
    return float(np.mean(ratios)) if ratios else np.nan


def of_numbers(name, model, outputs, targets, weights):
    """A metric of numbers as textbooks have it."""
    z, y = (array.reshape(len(array), -1).astype(np.float64) for array in (outputs, targets))
    errors = (np.exp(z) if model.loss == "poisson" else z) - y
    square = np.average((errors**2).mean(axis=1), weights=weights)
    if name == "r2":
        mean = np.average(y, axis=0, weights=weights)
        left, whole = weights @ errors**2, weights @ (y - mean) ** 2
        return 1 - np.mean(left / whole)
    return {
        "mean_squared_error": square, "root_mean_squared_error": np.sqrt(square),
        "mean_absolute_error": np.average(np.abs(errors).mean(axis=1), weights=weights),
    }[name]  # fmt: skip


def twin(name, model, outputs, targets, weights):
    if model.loss in PREDICTED:
        return of_numbers(name, model, outputs, targets, weights)
    return of_decisions(name, decisions(model, outputs, targets), weights)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*CLASSES, *SIDES, *NUMBERS])
def test_metrics_are_their_definitions(name, dtype):
    model = CASES[name].model
    objective = NetworkObjective(model, dtype=dtype, threads=1, metrics=names_of(model))
    found = objective.evaluate(model.theta)
    outputs, targets = objective.outputs(model.theta), model.data["y_train"]
    assert list(found.metrics) == names_of(model)
    for metric, value in found.metrics.items():
        expected = twin(metric, model, outputs, targets, np.ones(len(outputs)))
        assert value == pytest.approx(expected, rel=1e-12, nan_ok=True), metric
    assert set(found.metric_errors.values()) == {0.0}
    if "top1" in found.metrics:
        assert found.metrics["top1"] == pytest.approx(found.accuracy, rel=1e-12)


def test_examples_in_runs_are_as_those_at_once(monkeypatch):
    model = CASES["image_labels"].model
    chosen = {"metrics": names_of(model), "threads": 1, "examples": len(model.data["x_train"]) - 2}
    whole = NetworkObjective(model, **chosen).evaluate(model.theta)
    monkeypatch.setattr(metrics, "AT_ONCE", 1)
    parts = NetworkObjective(model, **chosen).evaluate(model.theta)
    for one, other in ((whole.metrics, parts.metrics), (whole.metric_errors, parts.metric_errors)):
        assert one == pytest.approx(other, rel=1e-12)


@pytest.mark.parametrize("name", ["chain_relu", "binary_three_outputs", "ignored_labels", "mse", "poisson"])
def test_a_weight_counts_an_example_so_many_times(name):
    weighted, repeated = (
        NetworkObjective(model, threads=1, metrics=names_of(model)) for model in counted(name)
    )
    found = weighted.evaluate(weighted.model.theta).metrics
    assert found == pytest.approx(repeated.evaluate(weighted.model.theta).metrics, rel=1e-11, nan_ok=True)


def test_closed_forms():
    x = np.eye(4)[[0, 0, 1, 2]]
    # Outputs are the columns here: 3 > 2 > 1 > 0 for the first input, and so on.
    weight = np.array([[3.0, 0.0, 1.0, 0], [2.0, 3.0, 1.0, 0], [1.0, 2.0, 1.0, 0], [0.0, 1.0, 1.0, 0]])
    model = build_model(layers=[(weight.T, np.zeros(4))], x_train=x, y_train=[0, 1, 1, 3])
    names = ["top1", "top2", "top3", "balanced_accuracy", "mean_iou", "macro_f1"]
    found = evaluate_model(model, names)["train"].metrics
    # The last has four equal outputs, of which the first classes come first.
    # Chosen are 0, 0, 1, 0: of class 0 one of one, of class 1 one of two, of class 3 none.
    assert found == pytest.approx(
        {"top1": 0.5, "top2": 0.75, "top3": 0.75, "balanced_accuracy": 0.5, "mean_iou": (1 / 3 + 1 / 2) / 3, "macro_f1": (2 / 4 + 2 / 3) / 3}
    )  # fmt: skip
    y = np.array([[1.0], [2.0], [3.0], [6.0]])
    constant = build_model(layers=[(np.zeros((1, 1)), np.array([3.0]))], loss="mse", x_train=y, y_train=y)
    exact = build_model(layers=[(np.ones((1, 1)), np.zeros(1))], loss="mse", x_train=y, y_train=y)
    assert evaluate_model(constant, "r2")["train"].metrics == {"r2": 0.0}
    assert evaluate_model(exact, list(OF_NUMBERS))["train"].metrics == {
        "mean_absolute_error": 0.0, "mean_squared_error": 0.0, "root_mean_squared_error": 0.0, "r2": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["chain_relu", "image_labels", "binary_three_outputs", "mse", "sequence_mse"]
)
@pytest.mark.parametrize("weigh", [False, True])
def test_an_error_is_that_of_the_examples_influences(name, weigh):
    model = CASES[name].model
    n = min(30, len(model.data["x_train"]) // 2)
    if weigh:
        given = np.random.default_rng(1).uniform(0.5, 2.0, len(model.data["x_train"]))
        data = {"x_train": model.data["x_train"], "y_train": model.data["y_train"]}
        model = replace(model, data=data | {"sample_weight_train": given})
    chosen = names_of(model)
    objective = NetworkObjective(model, threads=1, metrics=chosen, examples=n, seed=2)
    found = objective.evaluate(model.theta)
    sample, rows, outputs = objective.sample, np.arange(n), objective.outputs(model.theta)
    targets = sample.targets()
    weights = np.ones(n) if sample.weights is None else sample.take(sample.weights, rows)
    for metric in chosen:
        # ∂/∂ log w of every example, of which the squares add up.
        moved = []
        for row in rows:
            up, down = weights.copy(), weights.copy()
            up[row] *= 1 + 1e-4
            down[row] *= 1 - 1e-4
            ends = (twin(metric, model, outputs, targets, given) for given in (up, down))
            moved.append(np.subtract(*ends) / 2e-4)
        expected = np.sqrt(n / (n - 1) * (1 - n / sample.population) * np.sum(np.square(moved)))
        assert found.metric_errors[metric] == pytest.approx(expected, rel=1e-5, abs=1e-9), metric


def test_an_error_is_the_spread_over_subsets():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 3))
    y = x @ rng.standard_normal((3, 2)) + rng.standard_normal((400, 2))
    layers = [(rng.standard_normal((3, 2)), np.zeros(2))]
    numbers = build_model(layers=layers, loss="mse", x_train=x, y_train=y)
    classes = build_model(
        layers=[(rng.standard_normal((3, 5)), np.zeros(5))], x_train=x, y_train=rng.integers(0, 5, 400)
    )
    for model, names in ((numbers, list(OF_NUMBERS)), (classes, ["top2", *OF_DECISIONS])):
        outputs = NetworkObjective(model, threads=1).outputs(model.theta)
        values, errors = [], []
        for seed in range(300):
            measure = Metrics(Sample(model, "train", 100, seed), names)
            row = measure.measure(outputs[measure.sample.chosen])
            values.append(row[: len(names)])
            errors.append(row[len(names) :])
        # A standard deviation of 300 is good to 4 %.
        np.testing.assert_allclose(np.mean(errors, axis=0), np.std(values, axis=0), rtol=0.13)


def test_one_example_of_many_has_no_error_and_all_of_them_have_none_to_state():
    model = CASES["chain_relu"].model
    one = NetworkObjective(model, threads=1, metrics="top2", examples=1).evaluate(model.theta)
    assert np.isnan(one.metric_errors["top2"])
    objective = NetworkObjective(model, threads=1, metrics="top2")
    assert objective.metrics.columns == ("top2",)


def test_without_names_nothing_is_added():
    model = CASES["mse"].model
    objective = NetworkObjective(model, threads=1)
    assert objective.evaluate(model.theta).metrics == {}
    assert objective.sweep(model.theta, model.theta, (np.zeros(1),)).names == ("loss",)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["chain_relu", "mse"])
def test_a_sweep_is_its_points(name, dtype):
    model = CASES[name].model
    chosen = names_of(model)[:2]
    objective = NetworkObjective(model, dtype=dtype, threads=1, metrics=chosen, examples=20)
    direction = single(np.random.default_rng(2).standard_normal(model.size))
    axes = (np.array([-0.5, 0.0, 1.0]),)
    sweep = objective.sweep(model.theta, direction[None], axes)
    without = NetworkObjective(model, dtype=dtype, threads=1, examples=20)
    plain = without.sweep(model.theta, direction[None], axes)
    for step in range(sweep.steps):
        assert not sweep.point_done().all()
        sweep.run(step)
    for step in range(plain.steps):
        plain.run(step)
    found = sweep.finish()
    assert sweep.names == (*plain.names, *chosen, *(f"{metric}.error" for metric in chosen))
    for column, values in plain.finish().items():
        np.testing.assert_array_equal(found[column], values)
    for index, at in enumerate(axes[0]):
        there = objective.evaluate(model.theta + at * direction)
        for metric in chosen:
            assert found[metric][index] == there.metrics[metric]
            assert found[f"{metric}.error"][index] == there.metric_errors[metric]


def test_a_sweep_is_taken_up_at_every_step():
    model = CASES["chain_relu"].model
    objective = NetworkObjective(model, threads=1, metrics=["top2", "mean_iou"])
    given = (model.theta, model.theta[None], (np.linspace(-1, 1, 4),))
    whole = objective.sweep(*given)
    for step in range(whole.steps):
        again = objective.sweep(*given)
        again.state[...] = whole.state
        whole.run(step)
        for rest in range(step, again.steps):
            again.run(rest)
        assert again.point_done().all()
        if step == whole.steps - 1:
            assert again.state.tobytes() == whole.state.tobytes()


def test_where_statistics_are_recomputed_the_outputs_are_those_of_the_loss():
    model = CASES["batchnorm_of_features"].model
    recomputed = RecomputedObjective(model, threads=1, metrics="top1")
    theta = model.theta + 0.3
    assert recomputed.evaluate(theta).metrics["top1"] == recomputed.evaluate(theta).accuracy
    sweep = recomputed.sweep(model.theta, np.ones((1, model.size)), (np.array([0.0, 0.3]),))
    for step in range(sweep.steps):
        sweep.run(step)
    np.testing.assert_array_equal(sweep.finish()["top1"], sweep.finish()["accuracy"])


def test_what_has_no_variance_and_no_example_is_left_out_of_means():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 2))
    y = np.stack([x[:, 0] + 0.1 * rng.standard_normal(30), np.full(30, 0.1)], axis=1)
    both = build_model(layers=[(np.eye(2), np.zeros(2))], loss="mse", x_train=x, y_train=y)
    alone = build_model(layers=[(np.eye(2)[:, :1], np.zeros(1))], loss="mse", x_train=x, y_train=y[:, :1])
    one, other = (evaluate_model(model, "r2")["train"].metrics["r2"] for model in (both, alone))
    assert one == pytest.approx(other, rel=1e-12)
    ignored = build_model(
        layers=[(np.eye(2), np.zeros(2))], x_train=x, y_train=np.where(np.arange(30) < 29, -100, 0)
    )
    # A subset in which no target counts.
    samples = (Sample(ignored, "train", 3, seed) for seed in range(20))
    sample = next(sample for sample in samples if 29 not in sample.chosen)
    assert np.isnan(Metrics(sample, ["top1", "mean_iou"]).measure(x[:3])[:2]).all()


@pytest.mark.parametrize("name", ["chain_relu", "mse"])
def test_what_is_not_finite_has_no_metrics(name):
    model = CASES[name].model
    theta = model.theta.copy()
    theta[:] = np.inf
    found = NetworkObjective(model, threads=1, metrics=names_of(model)[:3]).evaluate(theta)
    assert all(np.isnan(value) for value in found.metrics.values())


REFUSED = {
    "another kind": ("chain_relu", "r2", "no metric 'r2' of the loss cross_entropy: choose accuracy, topK (such as top2), balanced_accuracy"),
    "a number": ("mse", "top5", "no metric 'top5' of the loss mse: choose mean_absolute_error, mean_squared_error"),
    "a slip": ("chain_relu", "mean_iuo", "did you mean 'mean_iou'?"),
    "a hyphen": ("chain_relu", "top-2", "did you mean 'top2'?"),
    "all classes": ("chain_relu", "top3", "metric 'top3': every target is among the first 3 of 3 classes: expected topK with a K below 3"),
    "none of them": ("chain_relu", "top0", "no metric 'top0'"),
    "twice": ("chain_relu", ["top1", "top1"], "metric 'top1' stands twice"),
    "no name": ("chain_relu", [5], "no metric '5'"),
    "two classes": ("binary_three_outputs", "mean_absolute_error", "choose accuracy, topK (such as top1), balanced_accuracy, macro_f1, mean_iou, precision"),
    "no metrics": ("output_loss", "accuracy", "no metric 'accuracy': the loss output has none beside it"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_the_loss_is_refused_with_what_does(case):
    name, chosen, words = REFUSED[case]
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        NetworkObjective(CASES[name].model, metrics=chosen)
    assert "\n" not in str(caught.value)


def test_functions_by_name_are_refused_by_the_engine():
    for given in ({"top1": len}, None, 5):
        with pytest.raises(
            InputError, match=r"metrics: expected names such as .* found .* TorchObjective takes"
        ):
            NetworkObjective(CASES["chain_relu"].model, metrics=given)


def test_outputs_that_do_not_fit_memory_are_refused(monkeypatch):
    monkeypatch.setattr(metrics, "fits_memory", lambda needed: False)
    model = CASES["chain_relu"].model
    with pytest.raises(InputError, match=r"metrics: the outputs of .* more than memory holds: choose fewer"):
        NetworkObjective(model, metrics="top1")
    NetworkObjective(model)


def test_the_accuracy_comes_by_itself():
    model = CASES["chain_relu"].model
    objective = NetworkObjective(model, threads=1, metrics=["accuracy", "top2"])
    assert objective.metrics.columns == ("top2",)
    assert objective.evaluate(model.theta).accuracy is not None


def test_every_metric_has_words():
    from landscape.plots.words import ERRORS
    from landscape.plots.words import METRICS as WORDS

    assert set(WORDS) == {"accuracy", *OF_DECISIONS, *OF_TWO, *OF_NUMBERS}
    assert {name for name in OF_NUMBERS if name.endswith("error")} == set(ERRORS)


@pytest.mark.sklearn
@pytest.mark.parametrize("weigh", [False, True])
def test_metrics_are_scikit_learns(weigh):
    theirs = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((200, 6)), rng.standard_normal((6, 7))
    given = {"sample_weight": rng.uniform(0, 3, 200) if weigh else None}
    arrays = {"arrays": {"sample_weight_train": given["sample_weight"]}} if weigh else {}

    def measured(loss, columns, y, names):
        layers = [(weight[:, :columns], np.zeros(columns))]
        model = build_model(layers=layers, loss=loss, x_train=x, y_train=y, **arrays)
        objective = NetworkObjective(model, threads=1, metrics=names)
        return objective.outputs(model.theta), objective.evaluate(model.theta).metrics

    y = (x @ weight + 2 * rng.standard_normal((200, 7))).argmax(axis=1)
    z, found = measured("cross_entropy", 7, y, ["top3", "balanced_accuracy", "macro_f1", "mean_iou"])
    chosen = z.argmax(axis=1)
    assert found == pytest.approx({
        "top3": theirs.top_k_accuracy_score(y, z, k=3, **given), "balanced_accuracy": theirs.balanced_accuracy_score(y, chosen, **given),
        "macro_f1": theirs.f1_score(y, chosen, average="macro", **given), "mean_iou": theirs.jaccard_score(y, chosen, average="macro", **given),
    }, rel=1e-12)  # fmt: skip
    y = x @ weight[:, :2] + rng.standard_normal((200, 2))
    z, found = measured("mse", 2, y, ["r2", "mean_absolute_error"])
    assert found == pytest.approx(
        {"r2": theirs.r2_score(y, z, **given), "mean_absolute_error": theirs.mean_absolute_error(y, z, **given)}, rel=1e-12
    )  # fmt: skip
    sides = (y[:, :1] > 0).astype(float)
    z, found = measured("binary_cross_entropy", 1, sides, ["precision", "recall", "f1"])
    pair = sides.ravel() > 0, z.ravel() > 0
    assert found == pytest.approx({
        "precision": theirs.precision_score(*pair, **given), "recall": theirs.recall_score(*pair, **given), "f1": theirs.f1_score(*pair, **given),
    }, rel=1e-12)  # fmt: skip
