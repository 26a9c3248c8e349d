"""The gallery: each figure has its script, its picture and its two sentences, and is drawn from them."""

from __future__ import annotations

import runpy
import sys

import pytest
from mpl_toolkits.mplot3d import Axes3D

from landscape.commands import main
from landscape.errors import InputError
from landscape.gallery import FIGURES, draw_figure, draw_gallery, figure_module, page_text
from tests.documents import ROOT

FOLDER = ROOT / "figures"
CHEAP = "overfitting"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_and_shows_something(name):
    figure = draw_figure(name, quick=True)
    drawn = [ax for ax in figure.axes if ax.lines or ax.collections or ax.texts or ax.patches]
    assert drawn
    assert 3.0 <= figure.get_figwidth() <= 7.2
    assert all(ax.get_zlabel() for ax in figure.axes if isinstance(ax, Axes3D))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_its_script_its_picture_and_two_sentences(name):
    assert (FOLDER / f"{name}.py").is_file()
    assert (FOLDER / f"{name}.png").is_file()
    module = figure_module(name)
    for text in (module.SEES, module.CORRECTS):
        assert text.endswith(".")
        assert 40 < len(text) < 400


def test_nothing_written_in_the_guide_lies_on_anything_else(monkeypatch):
    module = figure_module("general_guide")
    words = dict.fromkeys(
        ("bias", "optimization", "overfitting", "mismatch", "done"), "training 0.0021, test 1.3"
    )
    monkeypatch.setattr(module, "examples", lambda steps: words)
    figure = module.draw()
    figure.draw_without_rendering()
    (ax,) = figure.axes
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :])
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert sum(text.get_text() == "" for text in ax.texts) == 8  # the arrows


def test_the_page_of_the_folder_is_the_modules_own():
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page_text()


def test_a_script_draws_the_figure_of_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["script", "--quick", "--output", str(tmp_path / "picture.png")])
    runpy.run_path(str(FOLDER / f"{CHEAP}.py"), run_name="__main__")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_figure_is_the_same_bytes(tmp_path):
    first, _ = draw_gallery(tmp_path / "one", [CHEAP], quick=True)
    second, _ = draw_gallery(tmp_path / "two", [CHEAP], quick=True)
    assert first.read_bytes() == second.read_bytes()


def test_an_unknown_figure_is_refused_before_any_work(tmp_path):
    with pytest.raises(InputError, match=r"no figure 'moon'.*toy_saddle"):
        draw_gallery(tmp_path / "new", [CHEAP, "moon"])
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    with pytest.raises(InputError, match="the folder above it is not there"):
        draw_gallery(tmp_path / "no" / "such", [CHEAP])


def test_the_command_draws_what_is_named_and_writes_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["figures", CHEAP, "--quick", "-o", "report", "--figure-format", "svg"])
    assert not end.value.code
    assert {path.name for path in (tmp_path / "report").iterdir()} == {f"{CHEAP}.svg", "README.md"}
    assert f"{CHEAP}.svg" in (tmp_path / "report" / "README.md").read_text(encoding="utf-8")


def test_the_command_lists_every_figure(capsys):
    with pytest.raises(SystemExit):
        main(["figures", "--list"])
    listed = capsys.readouterr().out
    assert all(name in listed for name in FIGURES)


def test_another_readme_in_the_folder_is_not_overwritten(tmp_path):
    (tmp_path / "README.md").write_text("# My thesis\n")
    with pytest.raises(InputError, match="is not a page of the gallery"):
        draw_gallery(tmp_path, ["toy_saddle"], quick=True)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "# My thesis\n"


def test_the_page_shows_what_was_drawn_before_too(tmp_path):
    (tmp_path / "overfitting.png").write_bytes(b"drawn before")
    draw_gallery(tmp_path, ["toy_saddle"], quick=True)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert page == page_text(["overfitting", "toy_saddle"])
