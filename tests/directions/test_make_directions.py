"""From a choice to directions: what each source gives, what fills the rest, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.directions import (
    SOURCES,
    Origin,
    load_directions,
    make_directions,
    save_directions,
    shaped_tensors,
)
from landscape.errors import InputError

RNG = np.random.default_rng(1)
SHAPES = [(8, 5), (8,), (3, 8), (3,)]
SIZE = 40 + 8 + 24 + 3
THETA = RNG.standard_normal(SIZE)
ORIGIN = Origin(
    THETA,
    shaped_tensors(SHAPES, SIZE),
    checkpoints=THETA + np.cumsum(RNG.standard_normal((7, SIZE)), axis=0)[::-1],
    gradient=lambda theta: np.cos(theta).astype(np.float32),
)


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_random_is_filter_normalized_orthogonalized_and_two_dimensional_by_default():
    directions = make_directions(ORIGIN)
    assert directions.vectors.shape == (2, SIZE)
    assert directions.normalize == "filter"
    assert directions.check.filter_deviation < 1e-14
    assert directions.check.zeroed == (11 / SIZE, 11 / SIZE)
    assert directions.spans == ((-1.0, 1.0),) * 2
    assert directions.notes == ()


def test_random_without_normalization_is_orthogonal_unless_asked_otherwise():
    orthogonal = make_directions(ORIGIN, dimensions=3, normalize="none").vectors
    drawn = make_directions(ORIGIN, dimensions=3, normalize="none", orthogonal=False).vectors
    assert max(abs(cosine(orthogonal[i], orthogonal[j])) for i, j in [(0, 1), (0, 2), (1, 2)]) < 1e-14
    assert abs(cosine(drawn[0], drawn[1])) > 1e-4
    assert np.array_equal(orthogonal[0], drawn[0])


def test_orthogonal_layer_normalized_directions_have_a_smaller_cosine_than_drawn_ones():
    origin = Origin(THETA, (shaped_tensors([(15, 5)], SIZE)))
    orthogonal = make_directions(origin, normalize="layer").check.cosine
    drawn = make_directions(origin, normalize="layer", orthogonal=False).check.cosine
    assert abs(orthogonal) < 1e-14 < abs(drawn)


def test_a_plain_function_has_random_directions_of_no_normalization():
    directions = make_directions(Origin(np.zeros(5)))
    assert directions.normalize == "none"
    assert directions.check.filter_deviation is None


def test_gradient_is_the_gradient_itself_and_the_rest_random_orthogonal_and_as_long():
    directions = make_directions(ORIGIN, "gradient", dimensions=3)
    gradient = np.cos(THETA).astype(np.float32).astype(np.float64)
    assert np.array_equal(directions.vectors[0], gradient)
    assert directions.normalize == "none"
    assert np.allclose(directions.check.lengths, np.linalg.norm(gradient), rtol=1e-14)
    assert abs(directions.check.cosine) < 1e-14
    assert directions.notes == (
        "the other 2 axes are random, orthogonal to 'gradient', as long as it (seed 0)",
    )


def test_gradient_may_be_filter_normalized_too():
    directions = make_directions(ORIGIN, "gradient", normalize="filter")
    assert directions.check.filter_deviation < 1e-14
    assert directions.labels == ("gradient, filter-normalized", "random 1 (seed 0), filter-normalized")


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (None, "needs an objective with a gradient"),
        (np.zeros_like, "exactly zero"),
        (lambda theta: theta * np.nan, "not finite"),
    ],
)
def test_a_gradient_that_is_no_direction_is_refused(gradient, message):
    with pytest.raises(InputError, match=message):
        make_directions(replace(ORIGIN, gradient=gradient), "gradient")


def test_between_goes_exactly_to_the_other_model_from_0_to_1():
    other = RNG.standard_normal(SIZE)
    directions = make_directions(ORIGIN, "between", to=other, to_name="b.npz")
    assert np.allclose(THETA + directions.vectors[0], other, rtol=0, atol=1e-15)
    assert directions.spans == ((0.0, 1.0), (-1.0, 1.0))
    assert directions.labels[0] == "to b.npz"
    assert abs(directions.check.cosine) < 1e-14


@pytest.mark.parametrize(
    ("direction", "to", "message"),
    [
        ("between", None, "--to OTHER.npz"),
        ("between", THETA, "the same parameters"),
        ("between", THETA[:-1], f"has {SIZE - 1} parameters, expected {SIZE}"),
        ("random", THETA, "'between' or 'plane' only"),
        ("sideways", None, ", ".join(SOURCES)),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(direction, to, message):
    with pytest.raises(InputError, match=message):
        make_directions(ORIGIN, direction, to=to)


def test_principal_directions_are_the_leading_singular_vectors_and_say_what_they_capture():
    directions = make_directions(ORIGIN, "principal", dimensions=3)
    differences = ORIGIN.checkpoints - THETA
    values, vectors = np.linalg.eigh(differences @ differences.T)
    expected = (vectors[:, ::-1][:, :3].T @ differences) / np.sqrt(values[::-1][:3])[:, None]
    for found, exact in zip(directions.vectors, expected, strict=True):
        assert abs(cosine(found, exact)) == pytest.approx(1, abs=1e-12)
    shares = values[::-1] / values.sum()
    assert f"= {shares[:3].sum():.1%}" in directions.notes[0]
    assert directions.labels[0] == f"principal 1 ({shares[0]:.1%})"


def test_a_span_of_1_along_principal_directions_shows_every_checkpoint_and_has_one_unit():
    vectors = make_directions(ORIGIN, "principal").vectors
    coordinates = (ORIGIN.checkpoints - THETA) @ np.linalg.pinv(vectors)
    assert np.abs(coordinates).max() == pytest.approx(1, abs=1e-12)
    assert np.all(coordinates[0] > 0)
    assert np.linalg.norm(vectors[0]) == pytest.approx(np.linalg.norm(vectors[1]), rel=1e-12)


def test_the_oldest_checkpoint_that_is_not_at_theta_has_positive_coordinates():
    run = np.concatenate([ORIGIN.theta[None], ORIGIN.checkpoints])
    for checkpoints in (run, run[[0, 3, 2, 1]], run[1:]):
        vectors = make_directions(replace(ORIGIN, checkpoints=checkpoints), "principal").vectors
        apart = checkpoints - ORIGIN.theta
        first = apart[np.linalg.norm(apart, axis=1) > 0][0]
        assert (vectors @ first > 0).all()


def test_principal_needs_checkpoints_and_enough_that_differ():
    with pytest.raises(InputError, match="holds none"):
        make_directions(replace(ORIGIN, checkpoints=None), "principal")
    line = THETA + np.outer([3.0, 2.0, 1.0, 0.0], np.ones(SIZE))
    with pytest.raises(InputError, match="span only 1 direction seen from θ, expected 2"):
        make_directions(replace(ORIGIN, checkpoints=line), "principal")
    assert len(make_directions(replace(ORIGIN, checkpoints=line), "principal", dimensions=1).vectors) == 1


def test_directions_saved_are_those_read_back(tmp_path):
    vectors = make_directions(ORIGIN, dimensions=3).vectors
    save_directions(tmp_path / "d.npz", vectors)
    directions = make_directions(ORIGIN, tmp_path / "d.npz")
    assert np.array_equal(directions.vectors, vectors)
    assert directions.labels[2] == "direction 3 of d.npz"
    assert np.array_equal(load_directions(tmp_path / "d.npz"), vectors)


def test_fewer_directions_than_a_file_has_are_its_first_and_more_are_refused(tmp_path):
    save_directions(tmp_path / "d.npz", make_directions(ORIGIN, dimensions=2).vectors)
    directions = make_directions(ORIGIN, str(tmp_path / "d.npz"), dimensions=1)
    assert directions.notes == ("using the first 1 of 2 directions of d.npz",)
    with pytest.raises(InputError, match=r"d\.npz holds 2 directions, expected 3"):
        make_directions(ORIGIN, tmp_path / "d.npz", dimensions=3)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((2, SIZE - 1)), r"shape \[2, 74\], expected \[d, 75\]"),
        (np.ones((1, 1, SIZE)), r"shape \[1, 1, 75\]"),
        (np.ones((0, SIZE)), r"shape \[0, 75\]"),
        (np.full(SIZE, np.nan), "NaN or infinity"),
        (np.eye(2, SIZE) - np.eye(2, SIZE, 0) * [[1.0], [0.0]], "row of zeros"),
        (np.array(["text"]), "real numbers"),
    ],
)
def test_a_file_of_no_directions_is_refused_by_name(tmp_path, array, message):
    np.savez(tmp_path / "d.npz", directions=array)
    with pytest.raises(InputError, match=message) as refusal:
        make_directions(ORIGIN, tmp_path / "d.npz")
    assert str(refusal.value).count("d.npz") == 1


def test_a_file_without_the_key_or_that_is_not_there_is_refused(tmp_path):
    np.savez(tmp_path / "d.npz", other=np.ones(3))
    with pytest.raises(InputError, match="no key 'directions'"):
        make_directions(ORIGIN, tmp_path / "d.npz")
    with pytest.raises(InputError, match=r"missing\.npz"):
        make_directions(ORIGIN, tmp_path / "missing.npz")


def test_saving_directions_never_overwrites_anything_else(tmp_path):
    np.savez(tmp_path / "model.npz", weight=np.ones(3))
    with pytest.raises(InputError, match="so it is not overwritten"):
        save_directions(tmp_path / "model.npz", np.ones((1, 3)))
    save_directions(tmp_path / "d.npz", np.ones((1, 3)))
    save_directions(tmp_path / "d.npz", np.zeros((1, 3)))
    assert not load_directions(tmp_path / "d.npz").any()


def test_a_direction_that_normalization_leaves_nothing_of_is_refused():
    biases = np.zeros((1, SIZE))
    biases[0, 40:48] = 1.0
    with pytest.raises(InputError, match="moves biases only"):
        make_directions(ORIGIN, biases, normalize="filter")
    assert make_directions(ORIGIN, biases).check.zeroed == (67 / SIZE,)


def test_dimensions_below_one_are_refused():
    with pytest.raises(InputError, match="0 dimensions"):
        make_directions(ORIGIN, dimensions=0)
