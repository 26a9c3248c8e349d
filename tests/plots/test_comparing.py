"""Records side by side share levels, limits and view, and what cannot share them is said."""

from __future__ import annotations

import json
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.image import imread

from landscape.commands import main
from landscape.errors import InputError
from landscape.plots import (
    Look,
    looking,
    plot_comparison,
    plot_contours,
    plot_slices,
    plot_surface,
    save_comparison,
)
from landscape.plots.levels import choose_levels
from landscape.plots.style import figure_of
from landscape.topology import analyze_topology
from tests.records import examples
from tests.topology.examples import himmelblau, scan_of


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def scaled(factor, count=21):
    """Make a bowl of another height."""
    axis = np.linspace(-1, 1, count)
    x, y = np.meshgrid(axis, axis)
    return scan_of(0.1 + factor * (x**2 + y**2), axis, axis)


def test_all_panels_have_the_levels_of_all_values_together():
    figure = plot_comparison([scaled(1), scaled(10)], ["low", "high"])
    maps = [ax for ax in figure.axes if ax.get_title(loc="center")]
    assert [ax.get_title(loc="center") for ax in maps] == ["low", "high"]
    bands = [ax.collections[0].get_array() for ax in maps]
    ends = [ax.collections[0].get_clim() for ax in maps]
    assert ends[0] == ends[1]
    assert len(bands[0]) == len(bands[1])


def test_surfaces_have_one_height_and_one_view():
    figure = plot_comparison([scaled(1), scaled(10)], kind="surface", look=Look(view=(50, 20)))
    one, two = [ax for ax in figure.axes if hasattr(ax, "get_zlim")]
    assert one.get_zlim() == two.get_zlim()
    assert (one.elev, one.azim) == (two.elev, two.azim) == (50, 20)


def test_surfaces_share_a_colour_bar_and_name_their_height_once_a_row():
    for columns, rows in ((1, 2), (2, 1)):
        figure = plot_comparison([scaled(1), scaled(10)], kind="surface", columns=columns)
        (bar,) = [ax for ax in figure.axes if not hasattr(ax, "get_zlim")]
        assert bar.get_ylabel() == "loss"
        figure.draw_without_rendering()
        assert bar.get_tightbbox().x1 <= figure.bbox.x1
        names = [text for text in figure.texts if text.get_text() == "loss"]
        assert len(names) == rows
        assert all(text.get_window_extent().x0 >= 0 for text in names)


def apart(boxes):
    """Say whether no two boxes overlap."""
    return not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :])


def test_the_numbers_of_a_low_colour_bar_do_not_touch():
    low = examples.scan(4, 3, 3)
    for figure in (
        plot_comparison([scaled(1), scaled(10)], levels=30),
        plot_comparison([scaled(1), scaled(10)], levels=30, kind="surface", columns=2),
        figure_of(plot_slices(low, levels=30)),
    ):
        figure.draw_without_rendering()
        (bar,) = [ax for ax in figure.axes if ax.get_label() == "<colorbar>" or ax.get_ylabel().startswith(("loss", "training loss"))]  # fmt: skip
        assert len(bar.get_yticklabels()) > 2
        assert apart([label.get_window_extent() for label in bar.get_yticklabels() if label.get_text()])


@pytest.mark.parametrize("kind", ["contour", "surface"])
def test_long_titles_are_shortened_to_their_panels(kind):
    names = [
        "a network with a very long name, and more of it, trained first",
        "the second of a name as long as that",
    ]
    figure = plot_comparison([scaled(1), scaled(10)], names, kind=kind, columns=2)
    figure.draw_without_rendering()
    texts = figure.texts if kind == "surface" else [ax.title for ax in figure.axes]
    titles = [text.get_window_extent() for text in texts if "…" in text.get_text()]
    assert len(titles) == 2
    assert apart(titles)
    assert all(figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1 for box in titles)


@pytest.mark.parametrize("kind", ["contour", "surface"])
def test_a_record_that_diverged_everywhere_is_said_to_have(kind):
    lost = scan_of(np.full((21, 21), np.nan), np.linspace(-1, 1, 21), np.linspace(-1, 1, 21))
    figure = plot_comparison([scaled(1), lost], kind=kind)
    assert [text.get_text() for ax in figure.axes for text in ax.texts].count("no finite value") == 1
    none = plot_comparison([lost, lost], kind=kind)
    assert [text.get_text() for ax in none.axes for text in ax.texts].count("no finite value") == 2


def test_lines_share_a_panel_with_test_data_dashed():
    figure = plot_comparison([examples.scan(5), examples.scan(7)], ["a", "b"])
    (ax,) = figure.axes
    assert len(ax.lines) == 4
    assert ax.lines[0].get_color() == ax.lines[1].get_color() != ax.lines[2].get_color()


def test_paths_basins_and_slices_can_stand_beside_each_other():
    plot_comparison([analyze_topology(himmelblau(21)), himmelblau(31)], columns=1)
    plot_comparison([examples.trajectory(), examples.scan(3, 4)])
    plot_comparison([examples.scan(3, 3, 3), examples.scan(3, 4, 5)])


def legend_of(figure):
    """Give what the legend below the panels says."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_an_optimizer_has_one_colour_in_all_races():
    first = examples.race()
    other = replace(first, optimizers=("adam", "lion"))
    figure = plot_comparison([first, other, examples.scan(3, 4)], ["a", "b", "c"])
    maps = [ax for ax in figure.axes if ax.get_title(loc="center")]
    looks = [
        {line.get_label(): (line.get_color(), line.get_marker()) for line in ax.lines if line.get_label() in ("sgd", "adam", "lion")}
        for ax in maps
    ]  # fmt: skip
    assert [set(look) for look in looks] == [{"sgd", "adam"}, {"adam", "lion"}, set()]
    assert looks[0]["adam"] == looks[1]["adam"]
    assert len({looks[0]["sgd"], looks[0]["adam"], looks[1]["lion"]}) == 3
    assert sorted(legend_of(figure)) == ["adam", "lion", "sgd", "the model θ"]


def test_paths_and_basins_are_named_once_below_the_maps():
    pair = plot_comparison([examples.trajectory(), examples.trajectory()])
    assert legend_of(pair) == ["the path of the training", "the first checkpoint", "the model θ"]
    basins = legend_of(plot_comparison([analyze_topology(himmelblau(21)), analyze_topology(himmelblau(31))]))
    assert len(set(basins)) == len(basins)
    assert "lowest points of basins" in basins
    assert not legend_of(plot_comparison([scaled(1), scaled(10)]))


def test_paths_are_compared_on_maps_and_the_caption_has_their_share(tmp_path):
    races = [examples.race(), replace(examples.race(), captured=np.array([0.5, 0.25]))]
    files = save_comparison(races, tmp_path / "r", titles=["a", "b"])
    assert [file.name for file in files] == ["r.contour.png", "r.caption.txt"]
    caption = files[-1].read_text()
    assert "90.0% of the paths' variance" in caption
    assert "75.0% of the paths' variance" in caption
    assert "first of 2 seeds" in caption
    runs = save_comparison([examples.trajectory()] * 2, tmp_path / "t")
    assert runs[-1].read_text().count("of their variance on this plane") == 2


@pytest.mark.parametrize("width", ["single", "double"])
def test_maps_with_numbers_beside_each_leave_no_empty_rows(width):
    """Their numbers make the maps smaller than the column has room for, and the figure was as high as without."""
    other = np.linspace(-2, 2, 21)
    wide = scan_of(np.add.outer(other**2, other**2), other, other)
    figure = plot_comparison([scaled(1), wide], ["a", "b"], look=Look(width=width))
    figure.draw_without_rendering()
    drawn = figure.get_tightbbox()
    assert figure.get_figheight() - drawn.height < 0.2
    assert drawn.y0 >= 0
    assert drawn.y1 <= figure.get_figheight()


def test_what_cannot_share_a_scale_is_said():
    other = replace(examples.scan(3, 4), settings={**examples.scan(3, 4).settings, "loss": "mse"})
    unfinished = replace(examples.scan(3, 4), done=np.zeros((3, 4), bool))
    plane = examples.scan(3, 4)
    for records, words in (
        ([plane, other], "one is training loss .cross-entropy, nats., another training loss .mean squared error."),
        ([plane, examples.scan(5)], "2 and 1 axes"),
        ([examples.scan(1), examples.scan(1)], "they have 0 axes"),
        ([plane, unfinished], "unfinished"),
        ([plane, examples.hessian()], "found a record of the kind 'hessian'"),
        ([plane], "two records or more"),
        ([plane, replace(plane, values={"test_loss": plane.values["test_loss"]}, errors={})], "test_loss and train_loss"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            plot_comparison(records)
    with pytest.raises(InputError, match="expected 2, one for each record, found 1"):
        plot_comparison([plane, plane], ["a"])


def test_limits_alone_decide_the_lines():
    one, two = (choose_levels(scaled(f).values["train_loss"], limits=(0.1, 5), scale="log") for f in (1, 10))
    np.testing.assert_array_equal(one.lines, two.lines)
    assert (one.low, one.high) == (two.low, two.high) == (0.1, 5)
    assert (one.clipped, two.clipped > 0) == (0, True)
    low = choose_levels(np.array([0.0, 1, 2]), limits=(0.5, 1.5))
    assert low.extend == "both"


def test_a_scale_is_linear_or_logarithmic_when_asked():
    values = scaled(10).values["train_loss"]
    assert choose_levels(values, scale="linear").scale == "linear"
    assert choose_levels(scaled(0.5).values["train_loss"], scale="log").scale == "logarithmic"
    with pytest.raises(InputError, match="not negative"):
        choose_levels(np.array([-1.0, 2.0]), scale="log")


def test_a_look_is_that_of_the_figure_and_not_of_the_next():
    usual = figure_of(plot_contours(scaled(1))).get_size_inches()
    with looking(Look(width="double", cmap="cividis", view=(10, 20))):
        wide = plot_contours(scaled(1))
        assert plot_surface(scaled(1)).azim == 20
    assert figure_of(wide).get_size_inches()[0] == pytest.approx(7.0)
    assert figure_of(plot_contours(scaled(1))).get_size_inches() == pytest.approx(usual)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"cmap": "viridus"}, "did you mean 'viridis'"),
        ({"width": "triple"}, "expected single, double"),
        ({"scale": "cubic"}, "expected linear, log"),
        ({"limits": (2.0, 1.0)}, "two numbers that rise"),
        ({"limits": (0.0, 1.0), "scale": "log"}, "above 0"),
        ({"dpi": 5}, "20 to 2400"),
    ],
)
def test_a_look_that_cannot_be_is_refused(choice, words):
    with pytest.raises(InputError, match=words):
        Look(**choice)


def test_files_and_a_caption_are_written_and_only_their_own_are_replaced(tmp_path):
    records = [scaled(1), scaled(10)]
    for _ in range(2):
        files = save_comparison(records, tmp_path / "c", titles=["low", "high"])
    assert [file.name for file in files] == ["c.contour.png", "c.surface.png", "c.caption.txt"]
    caption = files[-1].read_text()
    assert "low: function, 21 × 21 points" in caption
    assert "0.1 to 20.1 on the grid" in caption
    assert "The white point is the model itself." in caption
    assert "None" not in caption
    with pytest.raises(InputError, match="--fresh"):
        save_comparison([scaled(1), replace(scaled(2), model="c" * 64)], tmp_path / "c")


def test_text_stays_text(tmp_path):
    files = save_comparison(
        [scaled(1), scaled(10)], tmp_path / "c", "svg", ["a low one", "high"], kind="contour"
    )
    assert "a low one" in files[0].read_text()


def test_the_command_compares_records_at_a_resolution(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scaled(1).save("a.npz")
    scaled(10).save("b.npz")
    with pytest.raises(SystemExit) as end:
        main(
            [
                *[
                    "plot",
                    "a.npz",
                    "b.npz",
                    "--titles",
                    "A,B",
                    "--kind",
                    "contour",
                    "--limits",
                    "0.1,5",
                    "--scale",
                    "log",
                ],
                *["--dpi", "50", "--width", "double", "--json"],
            ]
        )
    assert end.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == ["a.comparison.contour.png", "a.comparison.caption.txt"]
    assert len(told["records"]) == 2
    assert imread("a.comparison.contour.png").shape[1] == 350
    for line in (
        "plot a.npz --titles A",
        "plot a.npz b.npz --format vti",
        "plot a.npz b.npz --limits 3",
        "plot a.npz b.npz --titles A",
    ):
        with pytest.raises(SystemExit) as end:
            main(line.split())
        assert end.value.code == 2
    with pytest.raises(SystemExit) as end:
        main(["plot", "a.npz", "b.npz", "--format", "html"])
    assert end.value.code == 0
