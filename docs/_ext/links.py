"""The links of the built site: those within it must lead somewhere, and those that leave it are listed in `links.txt`."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

# Sphinx counts the warnings of what is named after it.
LOGGER = logging.getLogger("sphinx.landscape")
LIST = "links.txt"


def targets(page: str) -> list[str]:
    """Give what a page links to.

    >>> targets('<a class="x" href="a.html#b">a</a> <a href="https://b.org">b</a> <link href="c.css">')
    ['a.html#b', 'https://b.org']
    """
    return [unquote(found) for found in re.findall(r"""<a\b[^>]*?\bhref=["']([^"']*)""", page)]


def names(page: str) -> set[str]:
    """Give the places of a page that a link can lead to."""
    return {unquote(found) for found in re.findall(r"""\bid=["']([^"']+)""", page)}


def is_outside(target: str) -> bool:
    """Say whether a link leaves the site."""
    return re.match(r"[a-z][a-z+.-]*:|//", target) is not None


def look_at_links(folder: Path) -> tuple[list[str], dict[str, set[str]]]:
    """Give the links of a built site that lead nowhere, and the addresses outside of it with their pages."""
    texts = {
        page.resolve(): page.read_text(encoding="utf-8")
        for page in sorted(folder.rglob("*.html"))
        if "_static" not in page.parts
    }
    places = {page: names(text) for page, text in texts.items()}
    lost, outside = [], {}
    for page, text in texts.items():
        name = page.relative_to(folder.resolve()).as_posix()
        for target in targets(text):
            if is_outside(target):
                outside.setdefault(target, set()).add(name)
                continue
            path, _, part = target.partition("#")
            there = (page.parent / path.partition("?")[0]).resolve() if path else page
            known = places.get(there)
            if not there.exists() or (part and known is not None and part not in known):
                lost.append(f"{name}: {target}")
    return lost, outside


def few(pages: list[str]) -> str:
    """Name pages, or count them where they are many, as those of the theme's own links are.

    >>> few(["a", "b"]), few(["a", "b", "c", "d"])
    ('a, b', '4 pages')
    """
    return ", ".join(pages) if len(pages) <= 3 else f"{len(pages)} pages"


def check(app: Any, error: Exception | None) -> None:
    """Warn of each link that leads nowhere, which ends a build with warnings as errors, and list the others."""
    if error is None and app.builder.format == "html":
        lost, outside = look_at_links(Path(app.outdir))
        for link in lost:
            LOGGER.warning("a link leads nowhere: %s", link)
        lines = [f"{address}\t{few(sorted(pages))}" for address, pages in sorted(outside.items())]
        (Path(app.outdir) / LIST).write_text("\n".join([*lines, ""]), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Look at the links when a build ends."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
