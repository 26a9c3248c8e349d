"""Which figures there are, and their files."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.plots import figures, plot_scan, save_figures, saving
from landscape.plots.diagnoses import draw_forks, draw_networks
from landscape.plots.saving import FAMILIES, figure_bytes
from landscape.records import Scan
from tests.plots.examples import axis, bowl, line, made, oblong, single_row, valley, volume
from tests.records.examples import EXAMPLES

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize(
    ("example", "names"),
    [
        (line, ["curves"]),
        (single_row, ["curves"]),
        (valley, ["contour", "surface"]),
        (bowl, ["contour", "surface", "contour_test"]),
        (volume, ["slices"]),
    ],
)
def test_figures_follow_from_the_axes_and_the_splits(example, names):
    drawn = figures(example())
    assert list(drawn) == names
    assert all(isinstance(figure, Figure) for figure in drawn.values())


def test_a_quantity_or_a_kind_narrows_the_figures():
    assert list(figures(bowl(), quantity="test_loss")) == ["contour", "surface"]
    assert list(figures(bowl(), kind="contour")) == ["contour", "contour_test"]
    assert list(figures(bowl(), kind="surface")) == ["surface"]


@pytest.mark.parametrize("file_format", STARTS)
@pytest.mark.parametrize("example", [oblong, line])
def test_the_same_record_gives_the_same_bytes(tmp_path, file_format, example):
    first = save_figures(example(), tmp_path / "one", file_format)
    second = save_figures(example(), tmp_path / "two", file_format)
    for one, two in zip(first, second, strict=True):
        content = one.read_bytes()
        assert content == two.read_bytes()
        assert content.startswith(STARTS[file_format])


def test_files_are_named_after_stem_figure_and_format(tmp_path):
    files = save_figures(bowl(), tmp_path / "digits.scan", "svg")
    names = ["digits.scan.contour.svg", "digits.scan.surface.svg", "digits.scan.contour_test.svg"]
    assert [file.name for file in files] == names
    assert sorted(names) == sorted(file.name for file in tmp_path.iterdir())


def test_an_unknown_format_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(InputError, match="png, svg, pdf"):
        save_figures(bowl(), tmp_path / "x", "gif")


@pytest.mark.parametrize("stem", ["missing/x", "", "folder/"])
def test_a_stem_that_cannot_be_written_is_refused(tmp_path, monkeypatch, stem):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        save_figures(line(), stem)
    assert not list(tmp_path.iterdir())


def test_a_kind_that_does_not_fit_is_refused_with_those_that_do():
    with pytest.raises(InputError, match="curves"):
        figures(line(), kind="surface")
    with pytest.raises(InputError, match="contour, surface, both"):
        figures(line(), kind="pie")


def test_four_dimensions_are_not_drawn():
    a = axis(2)
    record = made((a,) * 4, {"train_loss": np.zeros((2,) * 4)})
    with pytest.raises(InputError, match="one to three"):
        figures(record)


def test_a_kind_of_record_without_figures_is_refused(tmp_path):
    @dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
    class Other(Scan):
        kind = "other"

    fields = {each.name: getattr(line(), each.name) for each in dataclasses.fields(Scan)}
    with pytest.raises(InputError, match="'other'"):
        save_figures(Other(**fields), tmp_path / "x")


@given(data=st.data())
@settings(max_examples=12)
def test_any_values_on_any_grid_are_drawn(data):
    shape = data.draw(arrays_of.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5))
    values = data.draw(arrays_of.arrays(np.float64, shape, elements=st.floats()))
    done = data.draw(arrays_of.arrays(bool, shape))
    center = data.draw(st.none() | st.floats())
    known = None if center is None else {"train": {"loss": center}}
    axes = tuple(np.linspace(-0.3, 1.2, count) for count in shape)
    record = made(axes, {"train_loss": values}, done=done, center=known)
    for figure in figures(record).values():
        assert figure_bytes(figure)


def test_plot_scan_draws_a_surface_where_asked():
    assert plot_scan(bowl(), kind="surface").name == "3d"


@pytest.mark.parametrize("kind", ["hessian", "sharpness", "critical", "atlas", "study", "diagnosis"])
def test_levels_are_refused_where_no_figure_has_contour_lines(kind):
    with pytest.raises(InputError, match=r"no levels to choose.*leave levels"):
        figures(SimpleNamespace(kind=kind), levels=5)


@pytest.mark.parametrize("kind", sorted(set(FAMILIES) - {"scan"}))
def test_a_kind_of_figure_is_refused_where_it_is_no_scan(kind):
    with pytest.raises(InputError, match=r"leave kind \(--kind\) out"):
        figures(SimpleNamespace(kind=kind), kind="surface")


def test_levels_are_refused_for_curves():
    with pytest.raises(InputError, match="curves have no contour lines"):
        figures(line(), levels=12)


def test_no_plotter_takes_what_it_ignores():
    """A parameter that a function of the plots names is read in its body."""
    for path in sorted(Path(saving.__file__).parent.glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(function, ast.FunctionDef) and function.name.startswith("plot_")):
                continue
            named = {argument.arg for argument in [*function.args.args, *function.args.kwonlyargs]}
            read = {
                node.id for part in function.body for node in ast.walk(part) if isinstance(node, ast.Name)
            }
            assert named <= read, (path.name, function.name)


def test_losses_so_far_away_that_no_figure_could_show_them_are_left_out_of_a_diagnosis():
    """Trials that ended at finite losses of 1e288 overflowed where axes are laid out."""
    record = EXAMPLES["diagnosis"]()
    record.series["runs.forks.train_loss"] = np.where(np.arange(3) > 0, 1e288, 0.5) * np.ones((4, 1))
    wide = record.report["evidence"]["outcomes"][-1]
    record.report["evidence"]["outcomes"].append(wide | {"name": "deeper", "train": 1e288})
    for draw in (draw_forks, draw_networks):
        figure = draw(record)
        figure.canvas.draw()
        assert max(ax.get_ylim()[1] for ax in figure.axes) < 1e6
        assert max(ax.get_xlim()[1] for ax in figure.axes) < 1e6
