"""A report as one HTML page without network or script, for dark and light screens and for paper."""

from __future__ import annotations

import base64
from html import escape
from urllib.parse import quote

from landscape.reporting.section import NAMES, Picture, Report, Section, Table, printable, with_minus

# Nothing is fetched and nothing runs, whatever a name from the file says.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --page: #ffffff; --soft: #5a5a5a; --line: #d8d8d8; --field: #f4f4f4; --mark: #004c85; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --page: #161616; --soft: #a6a6a6; --line: #3a3a3a; --field: #222222; --mark: #7db8e8; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 62rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0 0 1.5rem; font-size: 1.1rem; font-weight: 600; color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: 0 0 1.5rem; font-size: .9rem; }
a { color: var(--mark); }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.25rem; border-top: 1px solid var(--line); padding-top: 1rem; }
p.lead { margin: .25rem 0 .75rem; color: var(--soft); }
section:first-of-type h2 { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
section:first-of-type p.lead { font-size: 1.6rem; line-height: 1.3; font-weight: 600; color: var(--ink); }
ul { padding-left: 1.2rem; margin: .5rem 0; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
table.rows th { color: var(--soft); font-weight: 400; min-width: 7rem; max-width: 14rem; }
div.wide { overflow-x: auto; }
div.wide th, div.wide td { overflow-wrap: normal; word-break: keep-all; min-width: 5.5rem; }
div.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; align-items: start; }
div.pictures figure:last-child:nth-child(odd) { grid-column: 1 / -1; }
figure { margin: 0; padding: .6rem; background: #ffffff; color: #1c1c1c; border: 1px solid var(--line); border-radius: .3rem; }
figure img { display: block; width: 100%; max-width: 30rem; height: auto; margin: 0 auto; }
figcaption { font-size: .85rem; color: #4a4a4a; margin-top: .4rem; }
p.command { margin: .75rem 0 0; font-size: .85rem; color: var(--soft); }
pre { margin: .2rem 0 .75rem; padding: .5rem .75rem; background: var(--field); border-left: 3px solid var(--mark); white-space: pre-wrap;
  font: .85rem/1.4 ui-monospace, Menlo, Consolas, monospace; }
@media (max-width: 34rem) {
  body { padding: 1rem .75rem 3rem; }
  section:first-of-type p.lead { font-size: 1.3rem; }
  table.rows, table.rows tbody, table.rows tr, table.rows th, table.rows td { display: block; max-width: none; }
  table.rows th { border: 0; padding-bottom: 0; }
}
@media print {
  :root { --ink: #000000; --page: #ffffff; --soft: #444444; --line: #bbbbbb; --field: #f4f4f4; --mark: #444444; color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  h2, p.command { break-after: avoid; }
  figure, tr, pre { break-inside: avoid; }
  div.pictures { grid-template-columns: 1fr 1fr; }
  div.wide { overflow: visible; }
}
"""


def page_of(report: Report) -> bytes:
    """Write the page, in UTF-8."""
    title = f"{text(report.name)}: a report of landscape"
    parts = [
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', f"<title>{title}</title>",
        f"<style>{STYLE}</style>", "</head>", "<body>", f"<h1>{title}</h1>", contents_of(report), "<main>",
        *(section_of(section, number) for number, section in enumerate(report.sections)),
        "</main>", "</body>", "</html>", "",
    ]  # fmt: skip
    return "\n".join(parts).encode("utf-8")


def contents_of(report: Report) -> str:
    """Write the table of contents."""
    links = (
        f'<a href="#part-{number}">{text(section.title)}</a>'
        for number, section in enumerate(report.sections)
    )
    return f'<nav aria-label="Contents">{" ".join(links)}</nav>'


def text(said: object) -> str:
    r"""Escape a text that may come from a file.

    >>> text('<script>alert("x")</script>')
    '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;'
    """
    return escape(printable(said), quote=True)


def section_of(section: Section, number: int) -> str:
    """Write one section."""
    parts = [f'<section id="part-{number}">', f"<h2>{text(section.title)}</h2>"]
    if section.lead:
        parts.append(f'<p class="lead">{text(section.lead)}</p>')
    if section.sentences:
        parts += ["<ul>", *(f"<li>{text(said)}</li>" for said in section.sentences), "</ul>"]
    if section.pictures:
        parts += ['<div class="pictures">', *(figure_of(picture) for picture in section.pictures), "</div>"]
    if section.link:
        parts.append(
            f'<p><a href="{text(quote(section.link))}">Turn and read it in an interactive page</a></p>'
        )
    if section.rows:
        rows = (
            f'<tr><th scope="row">{text(label)}</th><td>{text(said if label in NAMES else with_minus(said))}</td></tr>'
            for label, said in section.rows
        )
        parts += ['<table class="rows"><tbody>', *rows, "</tbody></table>"]
    if section.table is not None:
        parts.append(table_of(section.table))
    if section.command:
        words = "The next command:" if number == 0 else "Computed by:"
        parts += [f'<p class="command">{words}</p>', f"<pre><code>{text(section.command)}</code></pre>"]
    return "\n".join([*parts, "</section>"])


def table_of(table: Table) -> str:
    """Write a table with a heading."""
    head = "".join(f'<th scope="col">{text(cell)}</th>' for cell in table.head)
    rows = (
        "<tr>" + "".join(f"<td>{text(with_minus(cell))}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return "\n".join(
        [
            '<div class="wide"><table>',
            f"<thead><tr>{head}</tr></thead>",
            "<tbody>",
            *rows,
            "</tbody></table></div>",
        ]
    )


def figure_of(picture: Picture) -> str:
    """Write a picture into the page itself."""
    data = base64.b64encode(picture.png).decode("ascii")
    words = text(picture.words)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{words}"><figcaption>{words}</figcaption></figure>'
