"""The pages of the site: their links lead somewhere, they need nothing from the network, and notebooks lie here without outputs."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import pytest

import landscape
from tests.documents import ROOT, blocks

# What `docs/conf.py` includes, but for the pages that are made when it is built.
PAGES = [
    page
    for page in (
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        ROOT / "figures" / "README.md",
    )
    if "generated" not in page.parts
]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
# Made by the build.
MADE = "reference/generated/"


def prose(page: Path) -> str:
    """Give a page without its blocks of code, where a bracket is no link."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"`[^`\n]*`", "code", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub and Sphinx make them."""
    headings = re.findall(
        r"^#+ (.*)$",
        re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S),
        re.MULTILINE,
    )
    return {anchor(heading) for heading in headings}


def anchor(heading: str) -> str:
    """Make the anchor of a heading: letters, digits, underscores and dashes; spaces become dashes.

    >>> anchor("What `critical` needs, and why")
    'what-critical-needs-and-why'
    """
    kept = [
        char
        for char in heading.strip().lower()
        if char in "_- " or unicodedata.category(char)[0] in "LN"
    ]  # fmt: skip
    return "".join(kept).replace(" ", "-")


def links(page: Path) -> list[str]:
    """Give the targets of a page's links and pictures within the project."""
    found = re.findall(r"\]\(<?([^)\s>]+)>?\)", prose(page))
    return [link for link in found if not re.match(r"[a-z]+://|mailto:", link)]


def broken(page: Path) -> list[str]:
    """Give the links that lead to no file, or to no heading of it."""
    lost = []
    for link in links(page):
        name, _, part = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if MADE in link:
            continue
        if not target.exists() or (part and target.suffix == ".md" and part not in anchors(target)):
            lost.append(link)
    return lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](page.md#here) [b](page.md#there) [c](no.md) [d](https://example.org)\n", encoding="utf-8"
    )
    assert broken(page) == ["page.md#there", "no.md"]


def test_every_page_is_reached_from_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = {
        line.removeprefix("../")
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL)
        for line in tree.splitlines()
        if line and not line.startswith(":")
    }
    pages = {
        str(page.relative_to(ROOT)).removeprefix("docs/").rpartition(".")[0] for page in (*PAGES, *NOTEBOOKS)
    }
    decisions = {page for page in pages if re.match(r"decisions/\d", page)}
    assert pages - decisions - {"index"} - listed == set()


def test_pages_take_nothing_from_the_network():
    for page in PAGES:
        assert re.findall(r"!\[[^\]]*\]\(https?:", prose(page)) == [], page
        assert re.findall(r"<(?:script|img|iframe|link)\b", prose(page)) == [], page


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_lie_here_without_outputs(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


def test_there_are_three_notebooks():
    assert {path.stem for path in NOTEBOOKS} == {"scan", "saddle", "diagnosis"}


def test_the_chinese_guide_has_the_code_of_the_english_one():
    """But for what its comments say."""

    def code(page: str) -> list[str]:
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        return [
            re.sub(r" *#(?! train).*", "", block)
            for block in re.findall(r"^```(?:python|sh)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        ]

    assert code("zh/start.md") == code("start/training-loop.md")
    assert code("zh/lecture.md") == code("lecture.md")


@pytest.fixture
def extensions(monkeypatch):
    """Have the modules of the site's own extensions found."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    yield
    for name in ("reference", "docstrings", "links"):
        sys.modules.pop(name, None)


def test_the_reference_has_every_public_name_once(extensions):
    import reference

    listed = [name for names in reference.topics().values() for name in names if name in landscape.NAMES]
    assert sorted(listed) == sorted(landscape.NAMES)


def test_the_reference_of_the_commands_has_every_help(extensions, tmp_path, monkeypatch):
    import reference

    from landscape.commands import COMMANDS

    monkeypatch.setattr(reference, "PLACE", tmp_path)
    reference.command_pages()
    text = (tmp_path / "options.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## landscape ([\w-]+)$", text, re.MULTILINE)) == set(COMMANDS)
    assert text.count("Usage: landscape") >= len(COMMANDS)
    assert "### landscape study batch-size" in text


FORMULAS = (ROOT / "docs" / "reference" / "formulas.md").read_text(encoding="utf-8")


def test_optimizers_stand_in_the_reference_with_their_defaults():
    from landscape.formulas.optimizers import OPTIMIZERS

    said = {
        name: {key: float(number) for key, number in re.findall(r"(\S+) = ([\d.e-]+)", defaults)}
        for name, defaults in re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \| ", FORMULAS, re.MULTILINE)
    }
    fields = {"β₁": "momentum", "β₂": "beta2", "ε": "eps", "λ": "weight_decay", "ρ": "radius"}
    real = {
        name: {key: getattr(one, field) for key, field in fields.items() if getattr(one, field)}
        for name, one in OPTIMIZERS.items()
    }
    assert {name: {key: x for key, x in numbers.items() if x} for name, numbers in said.items()} == real


def test_schedules_stand_in_the_reference():
    from landscape.formulas.schedules import SCHEDULES

    assert set(re.findall(r"^\| `(\w+)` \| [^|]* \|$", FORMULAS, re.MULTILINE)) == set(SCHEDULES)


def test_a_page_that_loads_something_is_found(extensions):
    import reference

    page = '<a href="https://a.org">a</a> <link rel="x" href="own.css"> <img src="https://b.org/b.png"> <script src="//c.org/c.js">'
    assert reference.loaded(page) == ["https://b.org/b.png", "//c.org/c.js"]


def test_links_of_the_built_site_are_followed_and_those_that_leave_it_are_listed(extensions, tmp_path):
    import links

    (tmp_path / "a.html").write_text(
        '<h1 id="here">A</h1> <a href="#here">1</a> <a href="b.html#part">2</a> <a href="b.html#no">3</a>'
        ' <a href="c.html">4</a> <a href="https://a.org/x#y">5</a>'
    )
    (tmp_path / "b.html").write_text(
        '<section id="part"><a href="a.html#">6</a> <a href="mailto:a@b">7</a></section>'
    )
    lost, outside = links.look_at_links(tmp_path)
    assert lost == ["a.html: b.html#no", "a.html: c.html"]
    assert outside == {"https://a.org/x#y": {"a.html"}, "mailto:a@b": {"b.html"}}


def test_docstrings_become_what_sphinx_reads(extensions):
    import docstrings

    lines = [r"The mean of `x`s, $\tfrac12 g$.", "", ">>> `kept`"]
    docstrings.translate(None, "function", "f", None, None, lines)
    assert lines == [r"The mean of ``x``\ s, :math:`\tfrac{1}{2} g`.", "", ">>> `kept`"]


@pytest.mark.skipif(find_spec("docutils") is None, reason="docutils is not installed")
def test_every_formula_of_a_docstring_can_be_drawn(extensions):
    import docstrings
    from docutils.utils.math.latex2mathml import tex2mathml

    found = 0
    for path in sorted((ROOT / "landscape").rglob("*.py")):
        for text in re.findall(r'r"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL):
            for formula in docstrings.FORMULA.findall(text):
                found += "<math" in tex2mathml(docstrings.known(formula))
    assert found > 20


def test_the_commands_under_the_lecture_are_run():
    """They stand in blocks that `tests/test_readme.py` runs."""
    lecture = (ROOT / "docs" / "lecture.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", lecture, flags=re.MULTILINE)[1:]
    assert [section.partition("\n")[0] for section in sections if "```sh\nlandscape " not in section] == []
    assert [section.partition("\n")[0] for section in sections if "](../figures/" not in section] == []
    assert any("landscape figures toy_saddle" in block for block in blocks("sh"))
