"""The page gives the verdict first, contains all that it shows, and escapes all text from files."""

from __future__ import annotations

import base64
import json
import shlex
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import landscape.reporting.parts
import landscape.reporting.report
from landscape.commands import main
from landscape.errors import InputError
from landscape.model import build_model, load_model, save_model
from landscape.records import Hessian, Scan
from landscape.reporting import make_report, write_report
from landscape.reporting.page import page_of
from landscape.reporting.pages import pdf_of
from landscape.reporting.parts import PARTS
from landscape.reporting.words import sentence
from tests.reporting.examples import curve, run

HOSTILE = '</title><script>alert("1")</script>$\\frac{'
NODE = '"><img src=x onerror=alert(1)>'
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Reads a page strictly: every tag closed in its turn, ids unique; keeps tags, attributes and texts."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page.decode("utf-8"))
        self.close()
        assert self.open == []
        names = [attributes["id"] for _, attributes in self.tags if "id" in attributes]
        assert len(names) == len(set(names))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def hostile(folder):
    """A report on a file whose names would break a page: markup in the network, a space, quotes and a control in the path."""
    path = folder / "a 'model'\u202e.npz"
    save_model(curve(HOSTILE, NODE), path)
    return make_report(load_model(path), budget="quick", threads=1)


def test_the_verdict_comes_first(hostile):
    page = Page(page_of(hostile))
    headings = [text for tag, text in page.texts if tag == "h2"]
    assert headings[:3] == ["Verdict", "Why", "What was ruled out"]
    leads = [text for tag, text in page.texts if tag == "p"]
    assert leads[0] == sentence(hostile.records["diagnose"].report)


def test_the_page_runs_nothing_and_fetches_nothing(hostile):
    page = Page(page_of(hostile))
    assert {tag for tag, _ in page.tags} & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "form",
    } == set()
    places = {attributes.get("id") for _, attributes in page.tags}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        # The table of contents leads to the page's own sections, and nothing leads away.
        assert "href" not in attributes or (tag == "a" and attributes["href"].removeprefix("#") in places)
        assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert tag != "meta" or "refresh" not in attributes.get("http-equiv", "")
    style = next(text for tag, text in page.texts if tag == "style")
    assert "url(" not in style
    assert "@import" not in style


def test_names_from_the_file_stay_texts(hostile):
    written = page_of(hostile).decode("utf-8")
    assert "<script" not in written
    assert "<img src=x" not in written
    assert "\u202e" not in written
    page = Page(written.encode())
    shown = [text for _, text in page.texts]
    assert any(HOSTILE in text for text in shown)
    assert any(NODE in text for text in shown)
    assert any(r"\u202e" in text for text in shown)


def test_every_picture_is_a_png_with_words(hostile):
    page = Page(page_of(hostile))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == sum(len(section.pictures) for section in hostile.sections) >= 8
    for image in images:
        assert image["alt"]
        assert base64.b64decode(image["src"].partition(",")[2], validate=True).startswith(b"\x89PNG")


def test_every_part_with_pictures_names_the_command_that_computes_it(hostile):
    for section in hostile.sections:
        if section.pictures and section.title != "The training":
            words = shlex.split(section.command)
            assert words[0] == "landscape"
            assert words[2].endswith("a 'model'\u202e.npz")


def command_of(report, title):
    return shlex.split(next(section.command for section in report.sections if section.title == title))[1:]


@pytest.mark.parametrize(
    ("title", "name", "kind", "arrays"),
    [
        ("The loss around the network", "scan", Scan, "values"),
        ("Curvature", "hessian", Hessian, "eigenvalues"),
    ],
)
def test_the_command_of_a_figure_computes_the_same_numbers(hostile, folder, title, name, kind, arrays):
    stem = str(folder / name)
    with pytest.raises(SystemExit) as end:
        main([*command_of(hostile, title), "--output", stem, "--no-figure", "--quiet", "--threads", "1"])
    assert not end.value.code
    again, here = kind.load(f"{stem}.npz"), hostile.records[name]
    found, expected = getattr(again, arrays), getattr(here, arrays)
    if isinstance(expected, dict):
        assert all(np.array_equal(found[key], expected[key]) for key in expected)
    else:
        assert np.array_equal(found, expected)


def test_the_pdf_is_one_and_the_same_report_is_the_same_file(hostile):
    part = replace(hostile, sections=hostile.sections[:4])
    written = pdf_of(part)
    assert written.startswith(b"%PDF")
    assert written.rstrip().endswith(b"%%EOF")
    assert pdf_of(part) == written
    assert page_of(hostile) == page_of(hostile)


def test_what_cannot_be_had_of_a_model_is_said_in_its_place():
    x = np.linspace(-1, 1, 12)[:, None]
    layers = [(np.zeros((1, 3)), np.zeros(3)), (np.zeros((3, 1)), np.zeros(1))]
    zero = build_model(layers=layers, activation="tanh", loss="mse", x_train=x, y_train=x)
    report = make_report(zero, budget="quick", threads=1)
    titled = {section.title: section for section in report.sections}
    assert "--direction eigen" in titled["The loss around the network"].command
    assert (
        titled["The path of the training"]
        .sentences[0]
        .startswith("Not assessed: the file has no checkpoints")
    )
    assert "The training" not in titled


def test_a_network_that_is_not_finite_gets_a_page_too():
    model = build_model(
        layers=[([[np.nan]], [0.0])], loss="mse", x_train=[[0.0], [1.0]], y_train=[[0.0], [1.0]],
        allow_nonfinite=True,
    )  # fmt: skip
    report = make_report(model, budget="quick", threads=1)
    assert report.sections[0].lead.startswith("Something is broken")
    Page(page_of(report))


@pytest.fixture
def one_part(monkeypatch):
    """Leave all measurements but one out."""
    monkeypatch.setattr(landscape.reporting.report, "PARTS", {"scan": PARTS["scan"]})


def test_the_command_writes_page_and_pdf_of_a_diagnosis_that_was_made(
    hostile, tmp_path, capsys, monkeypatch, one_part
):
    monkeypatch.chdir(tmp_path)
    save_model(curve(HOSTILE, NODE), "curve.npz")
    hostile.records["diagnose"].save("made.npz")
    assert run("curve.npz", "--diagnosis", "made.npz", "--pdf", "curve.pdf", "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["files"] == ["curve.report.html", "curve.pdf"]
    assert captured.err.splitlines() == [
        "the loss around the network (1 of 1)",
        "wrote curve.report.html, curve.pdf",
    ]
    Page((tmp_path / "curve.report.html").read_bytes())
    assert (tmp_path / "curve.pdf").read_bytes().startswith(b"%PDF")


def test_a_report_replaces_an_earlier_one_on_the_model_and_nothing_else(
    hostile, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    ends = replace(hostile, sections=(hostile.sections[0], hostile.sections[-1]))
    monkeypatch.setattr(landscape.reporting.report, "make_report", lambda model, **settings: ends)
    save_model(curve(HOSTILE, NODE), "curve.npz")
    hostile.records["diagnose"].save("made.npz")
    again = ("curve.npz", "--diagnosis", "made.npz", "-o", "r.html", "--pdf", "r.pdf")
    assert run(*again) == 0
    assert run(*again) == 0
    (tmp_path / "r.pdf").write_bytes(b"%PDF of another program")
    assert run(*again) == 2
    assert "--fresh to replace it" in capsys.readouterr().err
    assert (tmp_path / "r.pdf").read_bytes() == b"%PDF of another program"
    assert run(*again, "--fresh") == 0
    page = (tmp_path / "r.html").read_bytes()
    other = replace(load_model("curve.npz"), weight_decay=0.1)
    save_model(other, "curve.npz")
    with pytest.raises(InputError, match="for this model"):
        write_report(other, "r.html")
    assert (tmp_path / "r.html").read_bytes() == page


def test_the_interactive_page_stands_beside_the_report_which_links_to_it(tmp_path, one_part):
    save_model(curve(HOSTILE, NODE), tmp_path / "m.npz")
    write_report(
        load_model(tmp_path / "m.npz"), tmp_path / "r.html", interactive=True, budget="quick", threads=1
    )
    assert (tmp_path / "r.interactive.html").read_bytes().startswith(b"<!DOCTYPE html>")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert 'href="r.interactive.html"' in page
    assert "<script" not in page


@pytest.mark.parametrize("more", [(), ("--fresh",)])
@pytest.mark.parametrize("source", ["curve.npz", "made.npz"])
def test_what_a_report_reads_is_never_written(hostile, tmp_path, capsys, monkeypatch, source, more):
    monkeypatch.chdir(tmp_path)
    save_model(curve(HOSTILE, NODE), "curve.npz")
    hostile.records["diagnose"].save("made.npz")
    before = (tmp_path / source).read_bytes()
    (tmp_path / "soft.html").symlink_to(tmp_path / source)
    (tmp_path / "hard.pdf").hardlink_to(tmp_path / source)
    for target in (("-o", "soft.html"), ("--pdf", "hard.pdf")):
        assert run("curve.npz", "--diagnosis", "made.npz", *target, *more) == 2
        assert "an input of this command" in capsys.readouterr().err
    assert (tmp_path / source).read_bytes() == before


def test_a_report_does_not_polish_where_the_hessian_is_too_large(hostile, monkeypatch):
    """The limit is in the options that are computed with and printed, and not beside them."""
    monkeypatch.setattr(landscape.reporting.report, "PARTS", {"critical": PARTS["critical"]})
    monkeypatch.setattr(landscape.reporting.report, "pictures_of", lambda record: ())
    diagnosis, model = hostile.records["diagnose"], curve(HOSTILE, NODE)
    diagnosis = replace(diagnosis, report={**diagnosis.report, "evidence": {}})
    found = []
    for limit in (model.size, model.size - 1):
        monkeypatch.setattr(landscape.reporting.parts, "POLISHED", limit)
        report = make_report(model, budget="standard", diagnosis=diagnosis, threads=1)
        command = next(
            section.command for section in report.sections if section.title == "Minimum, saddle, or neither"
        )
        found.append((report.records["critical"].settings["polish"], "--no-polish" in command))
    assert found == [(True, False), (False, True)]


@pytest.mark.parametrize(("loss", "shown"), [(0.09, False), (0.11, True)])
def test_the_kind_of_point_is_left_out_where_the_training_loss_is_small(hostile, monkeypatch, loss, shown):
    monkeypatch.setattr(landscape.reporting.report, "PARTS", {"critical": PARTS["critical"]})
    diagnosis = hostile.records["diagnose"]
    assert diagnosis.settings["thresholds"]["large"] == 0.1
    evidence = {"train_loss": 2 * loss, "constant_loss": 2.0, "part_of_range": loss}
    diagnosis = replace(diagnosis, report={**diagnosis.report, "evidence": evidence})
    report = make_report(curve(HOSTILE, NODE), budget="quick", diagnosis=diagnosis, threads=1)
    section = next(section for section in report.sections if section.title == "Minimum, saddle, or neither")
    assert ("critical" in report.records) == bool(section.pictures) == shown
    if not shown:
        assert section.sentences == (
            "Left out: the training loss 0.18 is small (0.09 of its range, large above 0.1), and the kind of critical point "
            "matters where a large loss does not fall. landscape critical MODEL.npz says it all the same.",
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.npz"], "no such file"),
        (["curve.npz", "-o", "absent/r.html"], "no folder"),
        (["curve.npz", "-o", "report.txt"], "end in .html"),
        (["curve.npz", "--pdf", "report.html"], ".pdf"),
        (["curve.npz", "--diagnosis", "curve.npz"], "curve.npz"),
    ],
)
def test_what_cannot_be_reported_is_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    save_model(curve(), "curve.npz")
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["curve.npz"]


def test_a_diagnosis_of_another_model_is_refused(hostile, tmp_path):
    with pytest.raises(InputError, match="another model"):
        write_report(curve(), tmp_path / "r.html", diagnosis=hostile.records["diagnose"])
    assert list(tmp_path.iterdir()) == []
