"""No command writes over an input, nor over what it did not write itself: said in one line, before any work."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from landscape.commands import COMMANDS, main
from landscape.commands.outputs import FIGURES, KINDS
from landscape.files import write_archive
from landscape.marks import holds_mark
from landscape.model import load_model, save_model
from landscape.plots import save_figures
from landscape.plots.animation import MARK, marked
from landscape.records import Trajectory
from tests.records import examples
from tests.scanning.examples import small_model

FOREIGN = b"years of work"
# Of each command its arguments and what they write; {o} is the file or stem asked for.
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "scan": ("scan m.npz --output x", ("x.npz", "x.contour.png", "x.surface.png", "x.contour_test.png")),
    "scan of a line": ("scan m.npz --output x --dimensions 1 --figure-format svg", ("x.npz", "x.curves.svg")),
    "scan, its directions": ("scan m.npz --output x --save-directions d.npz", ("d.npz",)),
    "scan to another": ("scan m.npz --output x --direction between --to n.npz", ("x.npz", "x.contour.png")),
    "connect": ("connect m.npz n.npz --output x", ("x.npz", "x.paths.png", "x.tree.png", "x.unfinished.npz")),
    "align": ("align m.npz n.npz -o x.npz", ("x.npz",)),
    "hessian": ("hessian m.npz --output x", ("x.npz", "x.spectrum.png", "x.nodes.png", "x.vectors.png")),
    "critical": ("critical m.npz --output x", ("x.npz", "x.escape.png", "x.model.png", "x.random.png")),
    "sharpness": ("sharpness m.npz --output x --compare n.npz", ("x.npz", "x.curves.png")),
    "train": ("train m.npz -o x.npz --steps 1", ("x.npz",)),
    "trajectory": (
        "trajectory m.npz --output x --animate f.gif --optimizer sgd",
        ("x.npz", "x.path.png", "x.out_of_plane.png", "x.plane.npz", "x.run.npz", "f.gif"),
    ),
    "race": ("race m.npz --output x", ("x.npz", "x.race.png", "x.paths.png", "x.unfinished.npz")),
    "study": ("study stability m.npz --output x", ("x.npz", "x.stability.png", "x.unfinished.npz")),
    "diagnose": ("diagnose m.npz --output x --apply y.npz --budget quick", ("x.npz", "x.forks.png", "x.gaps.png", "y.npz")),
    "import": ("import w.npz --data d.npz --header h.json -o x.npz", ("x.npz",)),
    "demo": ("demo -o x.npz", ("x.npz",)),
    "plot": ("plot r.npz --output x", ("x.contour.png", "x.surface.png")),
    "topology": ("topology r.npz --output x", ("x.npz", "x.map.png", "x.tree.png")),
    "figures": ("figures toy_saddle -o g --quick", ("g/toy_saddle.png", "g/README.md")),
}  # fmt: skip
# What each reads beside the model.
READ = {
    "scan to another": ("m.npz", "n.npz"), "sharpness": ("m.npz", "n.npz"), "import": ("w.npz", "d.npz", "h.json"), "plot": ("r.npz",), "topology": ("r.npz",),
    "demo": (), "figures": (), "connect": ("m.npz", "n.npz"), "align": ("m.npz", "n.npz"),
}  # fmt: skip
PLACES = [(name, place) for name, (_, places) in CASES.items() for place in places]
WRITES_NOTHING = {"info", "warm"}
# Tested beside the code that writes them.
ELSEWHERE = {"report"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with models, a record and what an import reads."""
    monkeypatch.chdir(tmp_path)
    save_model(small_model(), tmp_path / "m.npz")
    save_model(small_model().with_theta(small_model().theta + 0.1), tmp_path / "n.npz")
    examples.scan(3, 4).save(tmp_path / "r.npz")
    write_archive(tmp_path / "d.npz", {"x": np.ones((2, 3)), "y": np.zeros((2, 1))})
    (tmp_path / "w.npz").write_bytes(b"weights")
    (tmp_path / "h.json").write_text("{}")
    (tmp_path / "g").mkdir()
    return tmp_path


@pytest.fixture
def refused(folder, capsys):
    """Run a command that must say in one line why it does not, with exit status 2."""

    def refused(line: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(line.split())
        said = capsys.readouterr()
        assert end.value.code == 2, said
        (message,) = said.err.splitlines()
        assert message.startswith("Error: ")
        assert not said.out
        return message

    return refused


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_command_that_writes_is_tried():
    assert {line.split()[0] for line, _ in CASES.values()} == set(COMMANDS) - WRITES_NOTHING - ELSEWHERE


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_a_foreign_file_in_an_outputs_place_stays(folder, refused, name, place):
    (folder / place).unlink(missing_ok=True)
    (folder / place).write_bytes(FOREIGN)
    if name == "scan, its directions":
        write_archive(folder / place, {"directions": np.ones(3), "more": np.ones(3)})
    before = contents(folder)
    assert Path(place).name in refused(CASES[name][0])
    assert contents(folder) == before


@pytest.mark.parametrize("link", [os.link, os.symlink])
@pytest.mark.parametrize(("name", "place"), PLACES)
def test_an_input_in_an_outputs_place_stays_even_with_fresh(folder, refused, name, place, link):
    for source in READ.get(name, ("m.npz",)):
        (folder / place).unlink(missing_ok=True)
        link(folder / source, folder / place)
        before = contents(folder)
        assert Path(place).name in refused(f"{CASES[name][0]} --fresh")
        assert contents(folder) == before


def test_an_output_that_is_named_as_the_input_is_refused(folder, refused):
    before = contents(folder)
    for line in ("train m.npz -o m.npz --fresh", "scan m.npz --output m --fresh", "scan m.npz --output n --direction between --to n.npz --fresh",
                 "import w.npz --data d.npz --header h.json -o d.npz --fresh"):  # fmt: skip
        assert "input" in refused(line)
    assert contents(folder) == before


def test_data_that_the_model_maps_are_inputs(folder, refused):
    model = load_model(folder / "m.npz")
    np.save(folder / "x.contour.png.npy", model.data["x_train"])
    (folder / "x.contour.png.npy").rename(folder / "x.contour.png")
    from landscape.files import read_archive

    arrays = read_archive(folder / "m.npz")
    import json

    header = json.loads(str(arrays["landscape"])) | {"data": {"x_train": "x.contour.png"}}
    del arrays["x_train"]
    write_archive(folder / "m.npz", arrays | {"landscape": json.dumps(header)})
    before = contents(folder)
    assert "input" in refused("scan m.npz --output x --fresh")
    assert contents(folder) == before


@pytest.mark.parametrize("file_format", ["png", "svg", "pdf"])
def test_a_figure_is_replaced_by_one_of_the_same_model_and_by_no_other(tmp_path, file_format):
    from landscape.errors import InputError

    record, other = examples.scan(5), examples.hessian()
    first = save_figures(record, tmp_path / "x", file_format)
    assert save_figures(record, tmp_path / "x", file_format) == first
    spectrum = save_figures(other, tmp_path / "y", file_format)[0]
    for foreign in (spectrum.read_bytes(), FOREIGN):
        first[0].write_bytes(foreign)
        with pytest.raises(InputError, match="holds something else"):
            save_figures(record, tmp_path / "x", file_format)
        assert first[0].read_bytes() == foreign
        save_figures(record, tmp_path / "x", file_format, fresh=True)
        assert first[0].read_bytes() != foreign


def test_every_figure_has_its_place_checked_before_the_work():
    from landscape.plots import figures

    for name, make in examples.EXAMPLES.items():
        record = make()
        kind = {name: command for command, name in KINDS.items()}.get(record.kind, record.kind)
        assert set(figures(record)) <= set(FIGURES[kind]), name


def test_a_film_is_known_by_its_mark(tmp_path):
    for suffix, film in ((".gif", b"GIF89a;"), (".mp4", b"")):
        (tmp_path / f"f{suffix}").write_bytes(marked(film, suffix))
        assert holds_mark(tmp_path / f"f{suffix}", MARK)
    assert MARK.endswith(Trajectory.kind)
