"""From what is asked of a Hessian to its record."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from landscape.curvature import analyze_hessian, dense_matrix, hessian_operator
from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective import NetworkObjective
from landscape.records import Hessian
from landscape.records.wording import already_there
from tests.curvature.matrices import toy
from tests.scanning.examples import small_model

MODEL = small_model()


@cache
def dense() -> np.ndarray:
    """Give the whole Hessian at the network, made when it is first asked for."""
    return dense_matrix(hessian_operator(NetworkObjective(MODEL), MODEL.theta)).matrix


@cache
def values() -> np.ndarray:
    return np.linalg.eigvalsh(dense())


def test_nothing_asked_for_is_both_ends():
    record = analyze_hessian(MODEL)
    assert np.allclose(record.eigenvalues, np.r_[values()[:5], values()[-10:]], rtol=0, atol=1e-10)
    assert record.status == ""
    assert record.orthogonality < 1e-12


def test_all_with_trace_is_exact():
    record = analyze_hessian(MODEL, all=True, trace=True)
    assert np.allclose(record.eigenvalues, values(), rtol=0, atol=1e-12)
    assert record.estimates["trace"] == (pytest.approx(np.trace(dense())), 0.0)
    assert record.estimates["frobenius"] == (pytest.approx(np.linalg.norm(dense())), 0.0)


def test_a_node_is_its_block_and_its_vectors_lie_in_it_alone():
    record = analyze_hessian(MODEL, node="fc3", all=True)
    slots = [slot for slot in MODEL.layout if slot.node == "fc3"]
    chosen = np.concatenate([np.arange(slot.start, slot.stop) for slot in slots])
    assert np.allclose(record.eigenvalues, np.linalg.eigvalsh(dense()[np.ix_(chosen, chosen)]), atol=1e-12)
    assert record.eigenvectors.shape == (len(chosen), MODEL.size)
    assert not np.delete(record.eigenvectors, chosen, axis=1).any()


def test_by_node_adds_the_extremes_of_every_node():
    record = analyze_hessian(MODEL, top=2, by_node=True)
    assert record.node_names == ("fc1", "fc2", "fc3")
    low, high = record.node_eigenvalues.T
    assert np.all(low <= high)
    # Cauchy: a principal submatrix has no eigenvalue beyond the whole's.
    assert high.max() <= values()[-1] + 1e-9
    assert low.min() >= values()[0] - 1e-9


def test_finite_differences_agree_with_exact_products_within_their_errors():
    exact = analyze_hessian(MODEL, top=3, bottom=3)
    found = analyze_hessian(MODEL, top=3, bottom=3, method="finite-difference")
    assert np.all(np.abs(found.eigenvalues - exact.eigenvalues) <= found.errors + exact.errors)
    assert np.all(found.errors >= found.residuals)
    assert found.settings["finite_difference"]["order"] == "fourth"


def test_both_says_how_far_differences_are_from_exact():
    value, error = analyze_hessian(MODEL, top=3, method="both").estimates["finite_difference"]
    assert value < 1e-7
    assert value <= 3 * error


def test_a_density_alone_computes_no_eigenvalues():
    record = analyze_hessian(MODEL, density=True, accuracy=0.3)
    assert len(record.eigenvalues) == 0
    assert np.allclose(record.density["weights"].sum(axis=1), 1)


def test_the_same_settings_give_the_same_bits_for_any_number_of_threads():
    one, two = (analyze_hessian(MODEL, top=2, bottom=1, trace=True, threads=n) for n in (1, 2))
    assert one.eigenvectors.tobytes() == two.eigenvectors.tobytes()
    assert one.estimates == two.estimates


def test_a_subset_of_examples_is_that_of_the_objective():
    record = analyze_hessian(MODEL, top=1, examples=50, seed=3)
    objective = NetworkObjective(MODEL, examples=50, seed=3)
    matrix = dense_matrix(hessian_operator(objective, MODEL.theta)).matrix
    assert record.eigenvalues[0] == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-10)
    assert record.settings["examples"] == 50


def test_a_finished_record_of_the_same_settings_is_not_computed_again(tmp_path):
    path = tmp_path / "r.npz"
    first = analyze_hessian(MODEL, top=1, output=path)
    said = []
    assert analyze_hessian(MODEL, top=1, output=path, announce=said.append) == first
    assert said == [already_there(path)]
    with pytest.raises(InputError, match=r"top 1 there, 2 here.*--fresh"):
        analyze_hessian(MODEL, top=2, output=path)
    assert len(analyze_hessian(MODEL, top=2, output=path, fresh=True).eigenvalues) == 2
    assert len(Hessian.load(path).eigenvalues) == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"top": 0}, "at least one eigenvalue"),
        ({"top": MODEL.size + 1}, f"at most {MODEL.size} eigenvalues"),
        ({"bottom": -2}, "at least one eigenvalue"),
        ({"node": "fc9"}, "there are fc1, fc2, fc3"),
        ({"node": "fc3", "top": 60}, "at most 39 eigenvalues"),
        ({"method": "guess"}, "choose exact, finite-difference, both"),
        ({"all": True, "top": 3}, "leave --top and --bottom out"),
        ({"by_node": True, "node": "fc1"}, "leave --node out"),
        ({"split": "validation"}, "train, test"),
        ({"theta": np.zeros(3)}, "with_theta"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(asked, message):
    with pytest.raises(InputError, match=message):
        analyze_hessian(MODEL, **asked)


def test_a_point_that_is_not_finite_is_refused_and_its_array_named():
    theta = MODEL.theta.copy()
    theta[0] = np.nan
    with pytest.raises(InputError, match=r"fc1.weight: 1 value is not finite"):
        analyze_hessian(MODEL.with_theta(theta))


def test_a_loss_that_overflows_is_refused():
    model = build_model(layers=[([[1e200]], [0.0])], loss="mse", x_train=[[1e200]], y_train=[[0.0]])
    with pytest.raises(InputError, match="a Hessian needs a finite one"):
        analyze_hessian(model)


def test_a_dense_hessian_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr("landscape.curvature.dense.available_memory", lambda: 10**5)
    with pytest.raises(InputError, match=r"use --top and --bottom"):
        analyze_hessian(MODEL, all=True)


def test_a_search_without_the_products_it_needs_leaves_a_status(monkeypatch):
    monkeypatch.setattr("landscape.curvature.eigen.SMALL", 8)
    record = analyze_hessian(MODEL, bottom=4, max_products=1, tolerance=1e-12)
    assert "converged within 1 products" in record.status
    assert record.summary()["converged"] is False


def test_a_function_has_no_nodes():
    with pytest.raises(InputError, match="none, since this is no model"):
        analyze_hessian(toy(), [0.0, 0.0], node="fc1")
    with pytest.raises(InputError, match="expected theta"):
        analyze_hessian(toy())
