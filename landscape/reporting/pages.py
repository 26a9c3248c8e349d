"""A report as a PDF of A4 pages: text above, two figures side by side below."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator

import matplotlib.image
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from landscape.plots.style import style
from landscape.reporting.section import (
    NAMES,
    PDF_CREATOR,
    Picture,
    Report,
    Section,
    Table,
    printable,
    with_minus,
)

WIDTH, HEIGHT = 8.27, 11.69
MARGIN, LINE = 0.75, 0.165
COLUMNS, LABEL = 104, 22
SMALL, PLAIN, LARGE = 8.0, 8.5, 12.0
# Of a picture in a row of two, with its words below.
BOX, WORDS = 3.2, 0.45
# How much smaller it may become where the page ends.
SMALLEST = 0.7


class Pages:
    """Pages that are being written, with the position of the next line."""

    def __init__(self, pdf: PdfPages) -> None:
        self.pdf = pdf
        self.figure: Figure | None = None
        self.top = 0.0

    def need(self, height: float) -> Figure:
        """Return a page with the required room, the current one or a new one."""
        if self.figure is None or self.top + height > HEIGHT - MARGIN:
            self.close()
            self.figure, self.top = Figure(figsize=(WIDTH, HEIGHT)), MARGIN
        return self.figure

    def close(self) -> None:
        """Write the page in progress."""
        if self.figure is not None:
            self.pdf.savefig(self.figure)
        self.figure = None

    def line(
        self,
        said: str,
        size: float = PLAIN,
        weight: str = "normal",
        left: float = MARGIN,
        family: str = "sans-serif",
    ) -> None:
        """Write one line."""
        height = LINE * size / PLAIN
        page = self.need(height)
        page.text(
            left / WIDTH,
            1 - self.top / HEIGHT,
            said,
            size=size,
            weight=weight,
            family=family,
            va="top",
            parse_math=False,
        )
        self.top += height

    def fitted(self, heights: list[float]) -> tuple[list[float], float]:
        """Make pictures a little smaller if they then fit on the page in progress, so that its rest is not left empty."""
        room = HEIGHT - MARGIN - self.top - WORDS - LINE if self.figure is not None else HEIGHT
        share = room / max(heights)
        share = share if SMALLEST <= share < 1 else 1.0
        return [height * share for height in heights], BOX * share

    def table(self, table: Table) -> None:
        """Write a table in columns as wide as their texts, the heading above a line; a long text goes on below."""
        rows = [tuple(map(printable, map(with_minus, row))) for row in table.rows]
        longest = [max(len(row[i]) for row in [table.head, *rows]) for i in range(len(table.head))]
        least = [max(map(len, cell.split()), default=1) for cell in table.head]
        while sum(longest) > COLUMNS - 2 * len(longest) and any(
            a > b for a, b in zip(longest, least, strict=True)
        ):
            widest = max((i for i in range(len(longest)) if longest[i] > least[i]), key=lambda i: longest[i])
            longest[widest] -= 1
        room = WIDTH - 2 * MARGIN
        lefts = [MARGIN + room * (sum(longest[:i]) + 2 * i) / max(COLUMNS, sum(longest) + 2 * len(longest)) for i in range(len(longest))]  # fmt: skip
        for number, row in enumerate([table.head, *rows]):
            cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, longest, strict=True)]
            height = LINE * max(map(len, cells))
            page = self.need(height)
            for left, lines in zip(lefts, cells, strict=True):
                page.text(
                    left / WIDTH, 1 - self.top / HEIGHT, "\n".join(lines), size=SMALL, va="top", parse_math=False,
                    weight="bold" if number == 0 else "normal",
                )  # fmt: skip
            self.top += height
            if number == 0:
                y = 1 - (self.top - 0.03) / HEIGHT
                page.add_artist(
                    Line2D([MARGIN / WIDTH, 1 - MARGIN / WIDTH], [y, y], color="#888888", linewidth=0.5)
                )
        self.top += LINE / 2

    def pictures(self, pair: tuple[Picture, ...]) -> None:
        """Write up to two pictures beside each other."""
        images = [matplotlib.image.imread(io.BytesIO(picture.png)) for picture in pair]
        heights = [BOX * image.shape[0] / image.shape[1] for image in images]
        heights, width = self.fitted(heights)
        page = self.need(max(heights) + WORDS + LINE)
        for column, (image, height, picture) in enumerate(zip(images, heights, pair, strict=True)):
            left = MARGIN + column * (BOX + 0.35)
            ax = page.add_axes(
                (left / WIDTH, 1 - (self.top + height) / HEIGHT, width / WIDTH, height / HEIGHT)
            )
            ax.imshow(image, interpolation="none", aspect="auto")
            ax.set_axis_off()
            words = "\n".join(textwrap.wrap(printable(picture.words), 52))
            below = 1 - (self.top + height + 0.05) / HEIGHT
            page.text(left / WIDTH, below, words, size=7, va="top", parse_math=False)
        self.top += max(heights) + WORDS + LINE


def pdf_of(report: Report) -> bytes:
    """Write the PDF, without its date, so that equal reports are equal files."""
    buffer = io.BytesIO()
    metadata = {"CreationDate": None, "Creator": PDF_CREATOR, "Keywords": report.fingerprint}
    with style(), PdfPages(buffer, metadata=metadata) as pdf:
        pages = Pages(pdf)
        pages.line(f"{printable(report.name)[:80]}: a report of landscape", SMALL)
        for section in report.sections:
            write_section(pages, section, first=section is report.sections[0])
        pages.close()
    return buffer.getvalue()


def least_height(pair: tuple[Picture, ...]) -> float:
    """Return the least height in inches of a row of pictures."""
    if not pair:
        return 0.0
    sizes = [matplotlib.image.imread(io.BytesIO(picture.png)).shape for picture in pair]
    return SMALLEST * BOX * max(rows / columns for rows, columns, *_ in sizes) + WORDS


def write_section(pages: Pages, section: Section, *, first: bool) -> None:
    """Write one section, with its heading on the same page as what follows."""
    pages.need(1.2 + (0.0 if section.sentences else least_height(section.pictures[:2])))
    pages.top += LINE
    if not first:
        pages.line(section.title, LARGE, "bold")
    for said in textwrap.wrap(section.lead, 62 if first else COLUMNS):
        pages.line(said, 14.0 if first else PLAIN, "bold" if first else "normal")
    pages.top += LINE / 2
    for said in text_lines(section):
        pages.line(said)
    for start in range(0, len(section.pictures), 2):
        pages.pictures(section.pictures[start : start + 2])
    if section.table is not None:
        pages.table(section.table)
    for label, text in row_lines(section):
        if label:
            pages.need(LINE)
            top = pages.top
            pages.line(label, PLAIN)
            pages.top = top
        pages.line(text, PLAIN, left=MARGIN + 1.75)
    if section.command:
        pages.line("The next command:" if first else "Computed by:", SMALL)
        for said in wrapped(section.command, COLUMNS):
            pages.line(said, SMALL, family="monospace")


def wrapped(said: str, width: int) -> list[str]:
    """Break a text that may come from a file into lines."""
    return textwrap.wrap(printable(said), width, break_long_words=True) or [""]


def text_lines(section: Section) -> Iterator[str]:
    """Give the sentences in lines."""
    for said in section.sentences:
        first, *rest = wrapped(said, COLUMNS - 2)
        yield f"• {first}"
        yield from (f"  {line}" for line in rest)


def row_lines(section: Section) -> Iterator[tuple[str, str]]:
    """Give labels and texts in lines of two columns."""
    for label, text in section.rows:
        names, texts = (
            wrapped(label, LABEL),
            wrapped(text if label in NAMES else with_minus(text), COLUMNS - LABEL - 8),
        )
        for number in range(max(len(names), len(texts))):
            yield (
                names[number] if number < len(names) else "",
                texts[number] if number < len(texts) else "",
            )
