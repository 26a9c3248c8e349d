"""Every analysis takes any function of θ, and agrees with the closed form of a quadratic within its stated errors."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import landscape
from landscape.curvature import dense_matrix, eigenpairs_along, hessian_operator
from landscape.errors import InputError
from landscape.objective import CallableObjective, NetworkObjective, complete
from landscape.plots import figures
from landscape.scanning.curvature_sweep import CurvatureSweep
from tests.cases import CASES

MATRIX = np.array([[3.0, 1.0, 0.0], [1.0, -2.0, 0.5], [0.0, 0.5, 1.0]])
BOWL = MATRIX @ MATRIX
CENTER = np.array([0.5, -0.25, 1.0])
THETA = np.array([1.0, 0.5, -0.5])


def value_of(matrix):
    return lambda theta: 1.0 + 0.5 * float((theta - CENTER) @ matrix @ (theta - CENTER))


class Bare:
    """A class of a user's with the least that an analysis takes."""

    size = 3

    def __init__(self, matrix):
        self.value = value_of(matrix)


def with_value(matrix):
    return CallableObjective(value_of(matrix), size=3)


def with_gradient(matrix):
    return CallableObjective(value_of(matrix), lambda theta: matrix @ (theta - CENTER), size=3)


class Pair(Bare):
    """One that gives value and gradient together, as a framework does."""

    def __init__(self, matrix):
        super().__init__(matrix)
        self.value_and_gradient = lambda theta: (self.value(theta), matrix @ (theta - CENTER))


def with_products(matrix):
    return CallableObjective(
        value_of(matrix), lambda theta: matrix @ (theta - CENTER), lambda theta, v: matrix @ v, size=3
    )


KINDS = {
    "bare": Bare,
    "value": with_value,
    "pair": Pair,
    "gradient": with_gradient,
    "products": with_products,
}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def assert_within(found, expected, errors):
    """The error that is stated is not exceeded, nor is it so large that it says nothing."""
    distance = np.abs(np.asarray(found) - expected)
    assert np.all(distance <= np.asarray(errors) + 1e-14)
    assert np.all(np.asarray(errors) < 1e-4)


@every_kind
def test_what_is_missing_is_made_within_the_error_that_is_measured(make):
    whole = complete(make(MATRIX))
    gradient, product = whole.gradient(THETA), whole.hvp(THETA, [0.0, 1.0, 0.0])
    assert np.linalg.norm(gradient - MATRIX @ (THETA - CENTER)) <= whole.errors.get("gradient", 0.0) + 1e-14
    assert np.linalg.norm(product - MATRIX[1]) <= whole.errors.get("hvp", 0.0) + 1e-14
    assert whole.errors.keys() == {
        *(() if whole.exact_gradient else ("gradient",)),
        *(() if whole.exact else ("hvp",)),
    }
    assert whole.gradients([THETA, CENTER])[0] == pytest.approx(gradient, rel=1e-9)
    assert whole.values([THETA, CENTER]).tolist() == [whole.value(THETA), 1.0]
    assert whole.evaluate(CENTER).loss == 1.0


@every_kind
def test_what_is_complete_is_not_completed_again(make):
    whole = complete(make(MATRIX))
    assert complete(whole) is whole
    assert whole.anew(1).objective is whole.objective


@every_kind
def test_a_scan_and_its_directions(make):
    record = landscape.scan(make(MATRIX), center=THETA, direction="gradient", dimensions=1, points=3)
    assert record.directions[0] == pytest.approx(MATRIX @ (THETA - CENTER), rel=1e-9)
    expected = [value_of(MATRIX)(THETA + step * record.directions[0]) for step in (-1, 0, 1)]
    assert record.values["train_loss"] == pytest.approx(expected, rel=1e-13)
    ends = np.linalg.eigvalsh(MATRIX)[[2, 0]]
    rows = landscape.scan(make(MATRIX), center=THETA, direction="eigen", points=2).directions
    assert np.sum((rows @ MATRIX) * rows, axis=1) == pytest.approx(ends, abs=1e-6)


@every_kind
def test_a_map_of_curvature(make):
    record = landscape.scan(
        make(MATRIX), center=THETA, direction=np.eye(3)[:2], points=2, quantity="curvature"
    )
    for name, expected in zip(
        ("train_lambda_min", "train_lambda_max"), np.linalg.eigvalsh(MATRIX)[[0, 2]], strict=True
    ):
        assert_within(record.values[name], expected, record.errors[name])


@every_kind
def test_a_point_of_a_map_does_not_depend_on_those_before_it(make):
    grid = (THETA, np.eye(3)[:1], (np.array([-1e3, 0.5]),))
    whole, last = CurvatureSweep(make(MATRIX), *grid), CurvatureSweep(make(MATRIX), *grid)
    for step in range(2):
        whole.run(step)
    last.run(1)
    assert whole.table[1].tobytes() == last.table[1].tobytes()


@every_kind
def test_a_hessian(make):
    record = landscape.analyze_hessian(make(MATRIX), THETA, all=True, trace=True)
    assert_within(record.eigenvalues, np.linalg.eigvalsh(MATRIX), record.errors)
    for name, expected in (("trace", np.trace(MATRIX)), ("frobenius", np.linalg.norm(MATRIX))):
        assert_within(record.estimates[name][0], expected, record.estimates[name][1])
    exact = complete(make(MATRIX)).exact
    assert record.settings["method"] == ("exact" if exact else "finite-difference")
    found = eigenpairs_along(make(MATRIX), [THETA, CENTER], top=1)
    for pairs in found:
        assert_within(pairs.values, np.linalg.eigvalsh(MATRIX)[2], pairs.errors)


@every_kind
@pytest.mark.parametrize(("matrix", "kind"), [(MATRIX, "saddle"), (BOWL, "minimum")])
def test_a_critical_point(make, matrix, kind):
    record = landscape.analyze_critical(make(matrix), CENTER, polishing=False)
    assert record.verdict["kind"] == kind
    assert_within(record.eigenvalues, np.linalg.eigvalsh(matrix), record.errors)


@every_kind
def test_a_search_for_critical_points(make):
    found = landscape.search_critical(make(MATRIX), 2, THETA)
    assert found.critical.all()
    assert found.theta == pytest.approx(np.stack([CENTER, CENTER]), abs=1e-5)
    assert found.inertia[:, 2].tolist() == [1, 1]


@every_kind
def test_a_trajectory_of_points_that_are_given(make):
    path = np.array([[3.0, 1.0, 0.0], [2.0, 0.0, np.nan], [1.0, 0.5, 0.0], [0.5, 0.0, 0.0]])
    record = landscape.trajectory(make(BOWL), checkpoints=path, points=3)
    kept = path[[0, 2, 3]]
    assert record.step.tolist() == [0, 2, 3]
    assert record.values["train_loss"] == pytest.approx([value_of(BOWL)(theta) for theta in kept], rel=1e-13)
    assert record.scan.center.tolist() == kept[-1].tolist()
    assert record.distance == pytest.approx(np.zeros(3), abs=1e-12)
    assert figures(record)


@every_kind
def test_the_measures_of_sharpness_that_need_no_network(make):
    gradient = BOWL @ (THETA - CENTER)
    unit = gradient / np.linalg.norm(gradient)
    expected = {
        "lambda_max": np.linalg.eigvalsh(BOWL)[2],
        "trace": np.trace(BOWL),
        "frobenius": np.linalg.norm(BOWL),
        "sam": 0.05 * np.linalg.norm(gradient) + 0.05**2 / 2 * unit @ BOWL @ unit,
        "relative_flatness": THETA @ THETA * np.trace(BOWL),
    }
    record = landscape.measure_sharpness(make(BOWL), THETA, shapes=[(1, 3)], measures=list(expected))
    for name, (found, error) in record.measures.items():
        assert_within(found, expected[name], error)
    every = landscape.measure_sharpness(make(BOWL), THETA, shapes=[(1, 3)])
    assert set(every.measures) == set(landscape.sharpness.MEASURES) - {"fisher_rao"}
    assert landscape.measure_sharpness(make(BOWL), CENTER, measures=["sam"]).measures["sam"][0] == 0.0


def test_what_needs_a_network_says_so_in_one_line():
    bowl, run = with_value(BOWL), np.stack([THETA, CENTER])
    for call, message in (
        (lambda: landscape.analyze_hessian(bowl, THETA, operator="fisher"), "fisher needs the outputs of a network"),
        (lambda: landscape.analyze_hessian(bowl, THETA, method="both"), "has no hvp: give hvp=…"),
        (lambda: landscape.measure_sharpness(bowl, THETA, measures=["fisher_rao"]), "needs the examples of a model"),
        (lambda: landscape.measure_sharpness(bowl, THETA, measures=["width"]), r"nonzero weights .* pass shapes="),
        (lambda: landscape.measure_sharpness(bowl, THETA, rescaling_test=True), "needs a model"),
        (lambda: landscape.trajectory(bowl), "checkpoints=.*of a model, by train"),
        (lambda: landscape.trajectory(bowl, checkpoints=run[:, :2]), r"expected points \[K, 3\].*found shape \[2, 2\]"),
        (lambda: landscape.trajectory(bowl, checkpoints=run, split="test"), "an objective has its own data"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def analyses():
    """Each function that takes any objective, as it is called with a point."""
    return {
        "scan": lambda given: landscape.scan(given, center=THETA, direction=np.eye(3)[:2], points=3),
        "hessian": lambda given: landscape.analyze_hessian(given, THETA),
        "critical": lambda given: landscape.analyze_critical(given, THETA),
        "search": lambda given: landscape.search_critical(given, 1, THETA),
        "sharpness": lambda given: landscape.measure_sharpness(given, THETA),
        "trajectory": lambda given: landscape.trajectory(given, checkpoints=np.stack([THETA, CENTER]), points=3),
    }  # fmt: skip


class Odd:
    """An object that lacks something, or gives it in another shape."""

    def __init__(self, **parts):
        self.__dict__.update(parts)


WRONG = {
    "nothing": (Odd(), "expected a model.* found Odd"),
    "a function": (value_of(MATRIX), "such as CallableObjective.* found function"),
    "a file's name": ("m.npz", "load_model reads a file"),
    "no size": (Odd(value=value_of(MATRIX)), "found Odd without size"),
    "no value": (Odd(size=3), "found Odd without value"),
    "a size that is a method": (Odd(value=value_of(MATRIX), size=lambda: 3), "size: expected a positive whole number"),
    "no number": (Odd(value=lambda theta: theta, size=3), r"expected a number, found shape \[3\]"),
    "values in a column": (
        Odd(value=value_of(MATRIX), values=lambda rows: np.zeros((len(rows), 1)), size=3),
        r"values\(thetas\): expected shape \[\d+\], found shape \[\d+, 1\]",
    ),
    "a type that is no number's": (Odd(value=value_of(MATRIX), size=3, dtype="int32"), "dtype: expected float64"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("analysis", analyses())
def test_what_is_no_objective_is_refused_with_what_to_try(analysis, name):
    given, message = WRONG[name]
    with pytest.raises(InputError, match=message) as caught:
        analyses()[analysis](given)
    assert "\n" not in str(caught.value)


def test_derivatives_of_another_shape_are_refused():
    for parts, message in (
        ({"gradient": lambda theta: theta[:2]}, r"gradient\(theta\): expected shape \[3\], found shape \[2\]"),
        ({"hvps": lambda theta, rows: rows[:, :1]}, r"hvps\(theta, vectors\): expected shape \[3, 3\]"),
    ):  # fmt: skip
        odd = Odd(value=value_of(MATRIX), size=3, **parts)
        with pytest.raises(InputError, match=message):
            landscape.analyze_hessian(odd, THETA)


def test_an_analysis_does_not_depend_on_what_an_objective_was_asked_before():
    fresh, used = complete(Bare(BOWL)), complete(Bare(BOWL))
    dense_matrix(hessian_operator(used, 100 * THETA))
    for function in (landscape.analyze_hessian, landscape.analyze_critical):
        first, second = (function(each, THETA) for each in (fresh, used))
        assert first.eigenvalues.tobytes() == second.eigenvalues.tobytes()


def test_a_network_that_was_completed_is_freed_at_once():
    network = NetworkObjective(CASES["mse"].model, threads=1)
    whole = complete(network)
    whole.gradient(CASES["mse"].model.theta)
    seen = weakref.ref(whole)
    gc.disable()
    try:
        del whole
        assert seen() is None
    finally:
        gc.enable()


def test_many_values_at_once_are_used_where_an_objective_has_them():
    calls = []

    def values(rows):
        calls.append(len(rows))
        return np.array([value_of(BOWL)(row) for row in rows])

    whole = complete(Odd(value=value_of(BOWL), values=values, size=3))
    assert whole.gradient(THETA) == pytest.approx(BOWL @ (THETA - CENTER), rel=1e-9)
    assert set(calls) == {6}
