"""Figures of a Hessian: which there are, what they show, and that they are the same every time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.plots import figures, plot_eigenvector_mass, plot_node_eigenvalues, plot_spectrum, save_figures
from landscape.plots.eigenvalue_axis import eigenvalue_edges, threshold
from landscape.plots.eigenvector_mass import eigenvector_mass
from landscape.plots.spectrum import outliers
from tests.records.test_hessian import hessian

NONE = {
    "density": {},
    "node_names": (),
    "node_eigenvalues": np.zeros((0, 2)),
    "node_errors": np.zeros((0, 2)),
}


def legend(ax):
    return [text.get_text() for text in ax.figure.legends[0].get_texts()]


def test_figures_follow_from_what_was_computed():
    assert list(figures(hessian())) == ["spectrum", "nodes", "vectors"]
    assert list(figures(hessian(**NONE))) == ["spectrum", "vectors"]
    assert all(isinstance(figure, Figure) for figure in figures(hessian()).values())


def test_a_quantity_is_refused():
    with pytest.raises(InputError, match="leave --quantity out"):
        figures(hessian(), quantity="train_loss")


@pytest.mark.parametrize("file_format", ["png", "svg", "pdf"])
def test_the_same_record_gives_the_same_bytes(tmp_path, file_format):
    first = save_figures(hessian(), tmp_path / "one", file_format)
    second = save_figures(hessian(), tmp_path / "two", file_format)
    assert [one.read_bytes() for one in first] == [two.read_bytes() for two in second]


def test_the_histogram_of_a_density_counts_all_parameters_and_shows_the_negative_side():
    ax = plot_spectrum(hessian())
    assert ax.get_yscale() == "log"
    assert ax.get_xlim()[0] < 0
    assert "negative curvature" in legend(ax)
    assert "± one standard error over 2 random vectors" in legend(ax)
    assert any(text.startswith("smallest, −1 ± ") for text in legend(ax))


def test_all_eigenvalues_are_counted_exactly():
    settings = {**hessian().settings, "parameters": 2, "all": True, "top": 0}
    ax = plot_spectrum(hessian(**NONE, settings=settings))
    assert ax.get_ylabel() == "eigenvalues in a bin (of 2)"


def test_without_a_density_the_eigenvalues_stand_by_rank_with_their_errors():
    ax = plot_spectrum(hessian(**NONE))
    assert ax.get_xlabel() == "rank: smallest, from the left; largest, from the right"
    assert "negative beyond the error: 1" in legend(ax)


def test_an_eigenvalue_that_may_be_positive_is_not_called_negative():
    ax = plot_spectrum(hessian(**NONE, errors=np.array([5.0, 5.0])))
    assert not [text for text in legend(ax) if text.startswith("negative beyond")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0], 0), ([-2.0, -1.0], 0), ([0.9, 1.0, 1.1], 0), ([0.1, 0.2, 5.0, 6.0], 2), ([0.0, 0.0, 3.0], 0)],
)
def test_outliers_stand_above_the_widest_gap(values, expected):
    assert outliers(np.array(values))[0] == expected


@pytest.mark.parametrize("values", [[0.0], [-3.0, -2.0], [1e-9, 5e-9], [-0.02, 0.0, 2.3], [1e6], [1.0, 10.0]])
def test_every_eigenvalue_falls_into_a_bin_and_zero_into_one_of_its_own_sign(values):
    array = np.array(values)
    edges = eigenvalue_edges(array)
    assert np.all(np.diff(edges) > 0)
    assert np.histogram(array, edges)[0].sum() == len(values)
    assert threshold(array) > 0


def test_each_eigenvectors_mass_sums_to_one():
    settings = {**hessian().settings, "layout": [["fc1", 0, 1], ["fc2", 1, 2], ["fc1", 2, 3]]}
    names, shares, sizes = eigenvector_mass(hessian(settings=settings))
    assert names == ["fc1", "fc2"]
    assert shares.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert np.allclose(sizes, [2 / 3, 1 / 3])


def test_what_is_not_there_is_not_drawn():
    with pytest.raises(InputError, match="--by-node"):
        plot_node_eigenvalues(hessian(**NONE))
    with pytest.raises(InputError, match="no eigenvectors"):
        plot_eigenvector_mass(hessian(settings={**hessian().settings, "layout": []}))


@pytest.mark.parametrize("plot", [plot_spectrum, plot_node_eigenvalues, plot_eigenvector_mass])
def test_the_given_axes_are_drawn_on(plot):
    ax = Figure().add_subplot()
    assert plot(hessian(), ax=ax) is ax


def test_the_title_tells_model_loss_and_node():
    settings = {**hessian().settings, "model_name": "tiny", "split": "train", "node": "fc1"}
    title = plot_spectrum(dataclasses.replace(hessian(), settings=settings)).get_title(loc="left")
    assert title == "tiny: spectrum of the Hessian, node fc1\n3 parameters, training loss"
