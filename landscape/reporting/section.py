"""A report as sections of sentences, rows and figures, independent of the file format."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from landscape.records import Record

# Rows whose text is a name or a file, not numbers.
NAMES = ("file", "name", "network")
# What a PDF says that made it.
PDF_CREATOR = "landscape report"


@dataclass(frozen=True)
class Picture:
    """A figure as PNG, with the sentence that says what one sees."""

    name: str
    png: bytes
    words: str


@dataclass(frozen=True)
class Table:
    """A table with a heading and any number of columns."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A part of the page under a title.

    `lead` is said large, `sentences` as a list, `rows` are labels with texts, `command` is the line that computes the same again,
    `link` the name of a page beside this one, to be turned and read.
    """

    title: str
    lead: str = ""
    sentences: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    table: Table | None = None
    pictures: tuple[Picture, ...] = ()
    command: str = ""
    link: str = ""


@dataclass(frozen=True)
class Report:
    """Sections in the order of the page, and the records that they were made of, by the name of the command.

    `fingerprint` is the model's SHA-256, by which the file is known again.
    """

    name: str
    sections: tuple[Section, ...]
    records: dict[str, Record] = field(default_factory=dict)
    fingerprint: str = ""


def with_minus(text: str) -> str:
    """Write numbers below 0 with a true minus, as figures do; what is within words and names keeps its hyphens.

    >>> with_minus("-16 to 16, 1e-17, batch-size, a-1.npz")
    '−16 to 16, 1e−17, batch-size, a-1.npz'
    """
    return re.sub(r"(?<![\w./-])-(?=\d)|(?<=\de)-(?=\d)", "\N{MINUS SIGN}", text)


def printable(text: object) -> str:
    r"""Write what cannot be seen (controls, marks that turn the direction of writing, halves of letters) as its escape.

    >>> printable("digits\x00\u202e")
    'digits\\x00\\u202e'
    """
    return "".join(
        letter
        if letter.isprintable() or letter in "\n\u00a0\u202f"
        else letter.encode("unicode_escape").decode()
        for letter in str(text)
    )
