"""A report as a PDF of A4 pages: text above, pictures two abreast."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator

import matplotlib.image
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from landscape.plots.style import style
from landscape.reporting.section import PDF_CREATOR, Picture, Report, Section, printable

WIDTH, HEIGHT = 8.27, 11.69
MARGIN, LINE = 0.75, 0.165
COLUMNS, LABEL = 104, 22
SMALL, PLAIN, LARGE = 8.0, 8.5, 12.0
# Of a picture in a row of two, with its words below.
BOX, WORDS = 3.2, 0.45


class Pages:
    """Pages in work: where the next line stands."""

    def __init__(self, pdf: PdfPages) -> None:
        self.pdf = pdf
        self.figure: Figure | None = None
        self.top = 0.0

    def need(self, height: float) -> Figure:
        """Give a page with so much room left."""
        if self.figure is None or self.top + height > HEIGHT - MARGIN:
            self.close()
            self.figure, self.top = Figure(figsize=(WIDTH, HEIGHT)), MARGIN
        return self.figure

    def close(self) -> None:
        """Write the page in work."""
        if self.figure is not None:
            self.pdf.savefig(self.figure)
        self.figure = None

    def line(self, said: str, size: float = PLAIN, weight: str = "normal", left: float = MARGIN) -> None:
        """Write one line."""
        height = LINE * size / PLAIN
        page = self.need(height)
        page.text(
            left / WIDTH, 1 - self.top / HEIGHT, said, size=size, weight=weight, va="top", parse_math=False
        )
        self.top += height

    def pictures(self, pair: tuple[Picture, ...]) -> None:
        """Write up to two pictures beside each other."""
        images = [matplotlib.image.imread(io.BytesIO(picture.png)) for picture in pair]
        heights = [BOX * image.shape[0] / image.shape[1] for image in images]
        page = self.need(max(heights) + WORDS + LINE)
        for column, (image, height, picture) in enumerate(zip(images, heights, pair, strict=True)):
            left = MARGIN + column * (BOX + 0.35)
            ax = page.add_axes((left / WIDTH, 1 - (self.top + height) / HEIGHT, BOX / WIDTH, height / HEIGHT))
            ax.imshow(image, interpolation="none", aspect="auto")
            ax.set_axis_off()
            words = "\n".join(textwrap.wrap(printable(picture.words), 52))
            below = 1 - (self.top + height + 0.05) / HEIGHT
            page.text(left / WIDTH, below, words, size=7, va="top", parse_math=False)
        self.top += max(heights) + WORDS + LINE


def pdf_of(report: Report) -> bytes:
    """Write the PDF; without the day, so that the same report is the same file."""
    buffer = io.BytesIO()
    metadata = {"CreationDate": None, "Creator": PDF_CREATOR, "Keywords": report.fingerprint}
    with style(), PdfPages(buffer, metadata=metadata) as pdf:
        pages = Pages(pdf)
        pages.line(f"{printable(report.name)[:80]}: a report of landscape", SMALL)
        for section in report.sections:
            write_section(pages, section, first=section is report.sections[0])
        pages.close()
    return buffer.getvalue()


def write_section(pages: Pages, section: Section, *, first: bool) -> None:
    """Write one section."""
    pages.need(1.2)
    pages.top += LINE
    if not first:
        pages.line(section.title, LARGE, "bold")
    for said in textwrap.wrap(section.lead, 62 if first else COLUMNS):
        pages.line(said, 14.0 if first else PLAIN, "bold" if first else "normal")
    pages.top += LINE / 2
    for said in text_lines(section):
        pages.line(said)
    for label, text in row_lines(section):
        if label:
            pages.need(LINE)
            top = pages.top
            pages.line(label, PLAIN)
            pages.top = top
        pages.line(text, PLAIN, left=MARGIN + 1.75)
    for start in range(0, len(section.pictures), 2):
        pages.pictures(section.pictures[start : start + 2])
    if section.command:
        pages.line("The next command:" if first else "Computed by:", SMALL)
        for said in wrapped(section.command, COLUMNS):
            pages.line(said, SMALL, "bold")


def wrapped(said: str, width: int) -> list[str]:
    """Break a text that may come from a file into lines."""
    return textwrap.wrap(printable(said), width, break_long_words=True) or [""]


def text_lines(section: Section) -> Iterator[str]:
    """Give the sentences and the table in lines."""
    for said in section.sentences:
        first, *rest = wrapped(said, COLUMNS - 2)
        yield f"• {first}"
        yield from (f"  {line}" for line in rest)
    if section.table is not None:
        head, rows = section.table.head, section.table.rows
        yield "; ".join(head)
        yield from (" ; ".join(printable(cell) for cell in row) for row in rows)


def row_lines(section: Section) -> Iterator[tuple[str, str]]:
    """Give labels and texts in lines of two columns."""
    for label, text in section.rows:
        names, texts = wrapped(label, LABEL), wrapped(text, COLUMNS - LABEL - 8)
        for number in range(max(len(names), len(texts))):
            yield (
                names[number] if number < len(names) else "",
                texts[number] if number < len(texts) else "",
            )
