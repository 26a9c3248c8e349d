"""Between networks: ends are the models themselves, errors are paired, alignment and REPAIR do what they say, and results do not depend on how it was run."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from landscape.alignment import align
from landscape.connection import connect, pair
from landscape.connection.descents import descend_from
from landscape.connection.network_ends import NetworkEnds
from landscape.connection.repair import Repair
from landscape.errors import InputError
from landscape.model import Model, build_model, bundled_path, load_model, save_model
from landscape.objective import NetworkObjective, complete
from landscape.objective.examples import score_outputs
from landscape.records import Connection, load_record
from tests.alignment.test_align import planted
from tests.cases import CASES
from tests.scanning.examples import small_model

FAST = {"threads": 1}
# Of solutions of two moons: two that one pass joins, and one that lies behind several.
STARTS, FAR = (0, 1), 2


def network(seed: int, wide: int = 6, activation: str = "tanh") -> Model:
    """Make a network of seeded weights on common data."""
    rng, common = np.random.default_rng(seed), np.random.default_rng(99)
    x = common.standard_normal((60, 3))
    return build_model(
        layers=[(rng.standard_normal((3, wide)), rng.standard_normal(wide)), (rng.standard_normal((wide, 3)), rng.standard_normal(3))],
        activation=activation, loss="cross_entropy", x_train=x[:40], y_train=np.arange(40) % 3, x_test=x[40:], y_test=np.arange(20) % 3,
    )  # fmt: skip


A, B = network(1), network(2)


@pytest.fixture(scope="module")
def found() -> Connection:
    return connect([A, B], align=True, repair=True, curve="polychain", band=True, **FAST)


def test_the_ends_are_the_models_themselves_to_the_last_bit(found):
    for number, model in enumerate((A, B)):
        for split in ("train", "test"):
            own = NetworkObjective(model, split, **FAST).evaluate(model.theta)
            assert found.report["ends"][number][f"{split}_loss"] == own.loss
            for path in ("linear", "polychain", "band"):
                arrays = found.path(found.highest, path)
                assert arrays[f"{split}_loss"][-number] == own.loss
                assert arrays[f"{split}_accuracy"][-number] == own.accuracy


def test_the_error_is_that_of_the_difference_of_every_example(found):
    barrier = found.highest["barrier"]
    at, losses = barrier["at"], []
    for theta in (A.theta, (1 - at) * A.theta + at * B.theta, B.theta):
        outputs = NetworkObjective(A, "train", **FAST).outputs(theta)
        losses.append(score_outputs(A, np.asarray(outputs), np.asarray(A.data["y_train"]))[0])
    differences = losses[1] - (1 - at) * losses[0] - at * losses[2]
    assert barrier["value"] == pytest.approx(differences.mean(), rel=1e-10)
    assert barrier["error"] == pytest.approx(np.std(differences, ddof=1) / np.sqrt(40), rel=1e-10)


def test_an_end_above_the_mean_of_both_has_the_error_of_half_their_difference(found):
    """The line falls from end to end, so that it is highest at the higher end: by 0 above the chord and that end, exactly."""
    told = found.highest
    assert told["barrier"]["error"] == told["barrier_max_end"]["error"] == 0.0
    assert told["barrier_mean_ends"]["at"] in (0.0, 1.0)
    one, other = (
        score_outputs(A, np.asarray(NetworkObjective(A, "train", **FAST).outputs(theta)), np.asarray(A.data["y_train"]))[0]
        for theta in (A.theta, B.theta)
    )  # fmt: skip
    half = 0.5 * (one - other)
    assert told["barrier_mean_ends"]["value"] == pytest.approx(abs(half.mean()), rel=1e-10)
    assert told["barrier_mean_ends"]["error"] == pytest.approx(np.std(half, ddof=1) / np.sqrt(40), rel=1e-10)


def test_the_test_data_have_the_same_keys(found):
    names = {"barrier", "barrier_mean_ends", "barrier_max_end", "accuracy"}
    told = found.summary()
    assert names <= told.keys()
    assert told["test"].keys() == names
    assert told["aligned"].keys() >= names | {"agreement", "test", "connected"}
    assert told["curves"]["repair"].keys() >= names
    assert told["saddle"].keys() >= {"height", "error", "index", "certified", "reason"}
    assert told["aligned"]["agreement"] <= 1e-12
    json.dumps(told, allow_nan=False)


def test_a_curve_is_lower_than_the_line(found):
    mean = found.highest["curves"]["polychain"]["mean"]
    line = found.path(found.highest, "linear")
    assert mean < np.trapezoid(line["train_loss"], line["t"])


def test_a_network_and_its_permuted_self_are_connected_once_aligned():
    told = connect([A, planted(A, 4)], align=True, **FAST).highest
    assert told["barrier"]["value"] > 0.1
    # Sums in another order differ in their last bits.
    assert told["aligned"]["barrier"]["value"] <= 1e-14
    assert told["aligned"]["connected"] == "connected"


def test_repair_gives_each_unit_the_deviation_between_the_ends():
    ends = NetworkEnds([A, B], examples=None, seed=0, dtype="float64", threads=1, device="cpu")
    repair = Repair(ends, 0, 1)
    t = 0.5
    middle = (1 - t) * A.theta + t * B.theta
    moments = [
        repair.moments(0, theta, None) for theta in (A.theta, middle, B.theta, repair.at(middle, None, t))
    ]
    (mean_a, spread_a), (_, plain), (mean_b, spread_b), (mean, spread) = moments
    assert np.allclose(mean, (mean_a + mean_b) / 2, atol=1e-12)
    assert np.allclose(spread, (spread_a + spread_b) / 2, atol=1e-12)
    # Without it the variance of units that correlate by ρ is (σ_A² + σ_B² + 2ρ σ_A σ_B)/4.
    x = np.asarray(A.data["x_train"])
    one, other = (
        x @ np.asarray(m.parameters["dense1.weight"]).T + np.asarray(m.parameters["dense1.bias"])
        for m in (A, B)
    )
    rho = [np.corrcoef(one[:, k], other[:, k])[0, 1] for k in range(6)]
    assert np.allclose(plain**2, (spread_a**2 + spread_b**2 + 2 * np.array(rho) * spread_a * spread_b) / 4)
    assert np.array_equal(repair.at(A.theta, None, 0.0), A.theta)


def test_the_bits_are_the_same_for_one_thread_and_two(found):
    other = connect([A, B], align=True, repair=True, curve="polychain", band=True, threads=2)
    assert other.report == found.report
    for name, array in found.series.items():
        assert array.tobytes() == other.series[name].tobytes()


@pytest.mark.parametrize("moment", ["linear", "polychain", "band", "aligned"])
def test_the_bits_are_the_same_after_a_kill(found, moment, tmp_path, monkeypatch):
    path, killed = tmp_path / "c.npz", []
    choices = {"align": True, "repair": True, "curve": "polychain", "band": True, **FAST}

    def progress(share: float, words: str) -> None:
        if words.startswith(moment) and not killed and (moment in ("linear", "aligned") or " of " in words):
            killed.append(words)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        connect([A, B], output=path, progress=progress, **choices)
    assert not path.exists()
    again = connect([A, B], output=path, **choices)
    assert again.report == found.report
    assert all(array.tobytes() == again.series[name].tobytes() for name, array in found.series.items())
    assert load_record(path) == again


def test_batch_normalization_moves_along_and_can_be_taken_anew():
    model = load_model(bundled_path("lenet_bn"))
    rng = np.random.default_rng(0)
    other = replace(
        model.with_theta(model.theta + 0.3 * np.std(model.theta) * rng.standard_normal(model.size)),
        buffers={key: array * (1.0 + 0.5 * rng.random(array.shape)) for key, array in model.buffers.items()},
    )
    told = connect([model, other], examples=100, alphas=5, repair=True, **FAST)
    ends = told.report["ends"]
    own = NetworkObjective(other, "train", examples=100, **FAST).evaluate(other.theta)
    assert ends[1]["train_loss"] == own.loss
    repaired = told.highest["curves"]["repair"]
    assert repaired["barrier"]["value"] <= told.highest["barrier"]["value"]


def test_statistics_that_are_taken_anew_are_those_of_the_training_data_at_each_end():
    model = CASES["batchnorm_of_features"].model
    rng = np.random.default_rng(0)
    other = replace(
        model.with_theta(model.theta + rng.standard_normal(model.size)),
        buffers={key: array * (1.0 + rng.random(array.shape)) for key, array in model.buffers.items()},
    )
    record = connect([model, other], curve="bezier", recompute_statistics=True, alphas=5, **FAST)
    told = record.highest["curves"]["bezier"]["ends_recomputed"]
    for number, end in enumerate((model, other)):
        own = NetworkObjective(end, "train", **FAST).evaluate(end.theta).loss
        assert record.report["ends"][number]["train_loss"] == own != told[number]
        p = {key: np.asarray(array, np.float64) for key, array in end.parameters.items()}
        hidden = np.asarray(end.data["x_train"], np.float64) @ p["fc1.weight"].T + p["fc1.bias"]
        eps = next(node for node in end.nodes if node.op == "batchnorm").attributes["eps"]
        normal = (hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0, ddof=1) + eps)
        outputs = np.tanh(normal * p["b.weight"] + p["b.bias"]) @ p["fc2.weight"].T + p["fc2.bias"]
        losses = score_outputs(end, outputs, np.asarray(end.data["y_train"]))[0]
        assert told[number] == pytest.approx(losses.mean(), rel=1e-10)


def moons(start: int) -> Model:
    """Train three tanh units on two moons, to the end."""
    rng, data = np.random.default_rng(start), np.random.default_rng(1)
    angle, side = data.uniform(0, np.pi, 60), np.arange(60) % 2
    x = np.stack([np.cos(angle) * (1 - 2 * side) + side, np.sin(angle) * (1 - 2 * side) + 0.5 * side], axis=1)
    model = build_model(
        layers=[(rng.standard_normal((2, 3)), np.zeros(3)), (rng.standard_normal((3, 1)), np.zeros(1))],
        activation="tanh", loss="binary_cross_entropy", weight_decay=1e-2, y_train=side[:, None].astype(float),
        x_train=x + 0.1 * data.standard_normal(x.shape),
    )  # fmt: skip
    objective = NetworkObjective(model, "train", **FAST)
    return model.with_theta(descend_from(complete(objective), model.theta)["theta"])


def test_the_saddle_between_two_solutions_of_two_moons_is_certified_and_joins_them():
    one = moons(STARTS[0])
    record = connect([one, moons(STARTS[1])], band=True, **FAST)
    saddle = record.highest["saddle"]
    assert (saddle["certified"], saddle["index"], saddle["joins"]) == (True, 1, True)
    assert saddle["above"] > 3 * saddle["error"] > 0
    # Heights and what they are above of have the weight decay.
    higher = max(end["value"] for end in record.report["ends"])
    assert saddle["above"] == pytest.approx(saddle["height"] - higher, rel=1e-9)
    assert higher > record.report["ends"][0]["train_loss"]
    theta = record.series["saddle.0-1.theta"]
    objective = NetworkObjective(one, "train", **FAST)
    hessian = np.array([objective.hvp(theta, row) for row in np.eye(one.size)])
    assert np.linalg.norm(objective.gradient(theta)) < 1e-10
    assert np.sum(np.linalg.eigvalsh(hessian) < 0) == 1
    assert {side["to"] for side in saddle["sides"]} == {0, 1}
    assert all(side["highest"] <= objective.value(theta) * (1 + 1e-12) for side in saddle["sides"])


def test_a_way_down_to_a_minimum_with_its_units_in_another_order_is_told_as_that():
    """All solutions of this task are one function, with its units in other orders and signs."""
    one, other = moons(STARTS[1]), moons(FAR)
    assert align(one, other, threads=1).distance[1] < 1e-3
    saddle = connect([one, other], band=True, **FAST).highest["saddle"]
    assert (saddle["certified"], saddle["joins"]) == (True, False)
    assert [side["reordered"] for side in saddle["sides"]].count(True) == 1
    assert all(side["to"] in (0, 1) for side in saddle["sides"])


def test_two_of_three_pairs_are_told_and_the_top_is_the_highest():
    record = connect([A, B, network(3)], alphas=5, **FAST)
    told = record.summary()
    assert [(pair["from"], pair["to"]) for pair in told["pairs"]] == [(0, 1), (0, 2), (1, 2)]
    assert told["barrier"]["value"] == max(pair["barrier"]["value"] for pair in told["pairs"])


def test_what_cannot_be_connected_is_named(tmp_path):
    for name, model in (("a.npz", A), ("b.npz", B), ("wide.npz", network(1, wide=7))):
        save_model(model, tmp_path / name)
    save_model(replace(B, data=B.data | {"x_test": B.data["x_test"] + 1}), tmp_path / "data.npz")
    a, b, wide, data = (tmp_path / f"{name}.npz" for name in ("a", "b", "wide", "data"))
    with pytest.raises(InputError, match=r"wide\.npz: node 'dense1' is dense with the output \[N, 7\]"):
        connect([a, wide])
    with pytest.raises(InputError, match=r"data\.npz: x_test is not that of a\.npz"):
        connect([a, data])
    with pytest.raises(InputError, match=r"a\.npz: has the parameters of a\.npz"):
        connect([a, b, a])
    with pytest.raises(InputError, match="at least two models"):
        connect([a])
    with pytest.raises(InputError, match="needs batch normalization"):
        connect([a, b], recompute_statistics=True)


def test_a_path_whose_end_is_not_the_model_is_a_fault(monkeypatch):
    monkeypatch.setattr(
        pair, "between", lambda one, other, t: (1 - t)[:, None] * one + (t * (1 + 1e-9))[:, None] * other
    )
    with pytest.raises(Exception, match="this is a fault of the program"):
        connect([A, B], alphas=5, **FAST)


def test_minibatches_fit_a_curve_too():
    record = connect([A, B], curve="bezier", fitting="batches", alphas=5, **FAST)
    curve = record.highest["curves"]["bezier"]
    line = record.path(record.highest, "linear")
    assert curve["mean"] < np.trapezoid(line["train_loss"], line["t"])
    again = connect([A, B], curve="bezier", fitting="batches", alphas=5, **FAST)
    assert again.report == record.report


def test_the_alignment_of_the_record_is_that_of_align(found):
    moved = align(A, B, threads=1)
    arrays = {
        name.split(".", 2)[2]: array
        for name, array in found.series.items()
        if name.startswith("permutation.")
    }
    assert {name: array.tolist() for name, array in moved.permutations().items()} == {
        name: array.tolist() for name, array in arrays.items()
    }
    assert found.highest["aligned"]["distance_after"] == moved.distance[1] <= moved.distance[0]
    assert small_model()
