"""Eigenvectors as axes, and the extreme eigenvalues at every point of a grid."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.curvature import dense_matrix, hessian_operator
from landscape.errors import InputError
from landscape.objective import CallableObjective, NetworkObjective
from landscape.plots import figures
from landscape.records import Scan
from landscape.scanning import scan
from tests.cases import CASES
from tests.curvature.matrices import matrix_of, quadratic, toy
from tests.scanning.examples import small_model

VALUES = np.r_[-2.0, np.linspace(0.1, 1.0, 6), 5.0]
MATRIX = matrix_of(VALUES)


def test_eigen_axes_are_the_ends_of_the_spectrum_so_a_saddle_is_seen():
    record = scan(quadratic(MATRIX), center=np.zeros(8), direction="eigen", points=5)
    quotients = np.sum((record.directions @ MATRIX) * record.directions, axis=1)
    assert np.allclose(quotients, [5.0, -2.0], rtol=0, atol=1e-12)
    assert np.allclose(record.values["train_loss"][:, 2], 2.5 * record.axes[0] ** 2)
    assert record.settings["directions"] == ["eigen 1 (λ = 5)", "eigen 2 (λ = -2)"]


def test_of_a_network_eigen_axes_are_found_in_double_precision_on_the_same_examples():
    model = small_model()
    record = scan(model, direction="eigen", dimensions=1, points=3, examples=50, split="train")
    few = NetworkObjective(model, examples=50)
    dense = dense_matrix(hessian_operator(few, model.theta)).matrix
    expected = np.linalg.eigh(dense)[1][:, -1]
    assert abs(record.directions[0] @ expected) == pytest.approx(1.0, abs=1e-9)


def test_recomputed_statistics_have_no_derivatives_and_so_no_axes_and_no_map_of_them():
    model = CASES["batchnorm_of_features"].model
    for asked in ({"direction": "gradient"}, {"direction": "eigen"}, {"quantity": "curvature"}):
        for dtype in ("float32", "float64"):
            with pytest.raises(InputError, match="no gradients and no Hessian-vector products: leave"):
                scan(model, points=3, split="train", dtype=dtype, recompute_statistics=True, **asked)


def test_more_eigenvectors_than_parameters_are_refused():
    with pytest.raises(InputError, match="use fewer dimensions"):
        scan(quadratic(np.eye(2)), center=np.zeros(2), direction="eigen", dimensions=3, points=2)


def mapped(**more):
    return scan(
        toy(), center=np.zeros(2), direction=np.eye(2), span=2, points=9, quantity="curvature", **more
    )


def test_the_map_of_curvature_has_the_toy_networks_eigenvalues_at_every_point():
    record = mapped()
    for i, a in enumerate(record.axes[0]):
        for j, b in enumerate(record.axes[1]):
            mixed = -2 + 4 * a * b
            low, high = np.linalg.eigvalsh([[2 * b * b, mixed], [mixed, 2 * a * a]])
            assert record.values["train_lambda_min"][i, j] == pytest.approx(low, abs=1e-12)
            assert record.values["train_lambda_max"][i, j] == pytest.approx(high, abs=1e-12)
            assert record.values["train_curvature"][i, j] == pytest.approx(low / high, abs=1e-12)
            assert record.values["train_loss"][i, j] == pytest.approx((1 - a * b) ** 2)
    assert np.all(record.errors["train_lambda_min"] < 1e-13)


def test_the_map_of_curvature_takes_up_where_it_stopped(tmp_path):
    def stop(share, words):
        if words.startswith("30 of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mapped(output=tmp_path / "s.npz", progress=stop)
    whole = mapped()
    taken_up = mapped(output=tmp_path / "s.npz")
    assert all(np.array_equal(taken_up.values[name], whole.values[name]) for name in whole.values)


def test_a_loss_scan_does_not_stand_in_for_one_of_curvature(tmp_path):
    asked = {"center": np.zeros(2), "direction": np.eye(2), "points": 3, "output": tmp_path / "s.npz"}
    scan(toy(), **asked)
    with pytest.raises(InputError, match="quantity"):
        scan(toy(), quantity="curvature", **asked)


def test_a_point_without_a_finite_hessian_is_not_a_number_and_the_rest_goes_on():
    broken = CallableObjective(
        lambda x: float(x @ x),
        hvp=lambda x, v: 2 * v if x[0] < 0.5 else np.full(2, np.nan),
        size=2,
    )
    record = scan(broken, center=np.zeros(2), direction=np.eye(2)[:1], points=3, quantity="curvature")
    assert np.isnan(record.values["train_lambda_max"][2])
    assert record.values["train_lambda_max"][:2].tolist() == [2.0, 2.0]


def test_a_map_of_the_ratio_stands_beside_the_map_of_the_loss():
    assert list(figures(mapped())) == ["contour", "surface", "contour_curvature"]
    assert isinstance(mapped(), Scan)
