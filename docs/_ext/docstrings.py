r"""What Sphinx makes of the package's docstrings: `code` and $formulas$ as the sources write them, and formulas without a script.

Formulas become MathML, which browsers draw themselves, so that a page needs nothing from the network.
"""

from __future__ import annotations

import re
from typing import Any

CODE = re.compile(r"(?<![`:])`([^`\n]+)`(?!`)(\w?)")
FORMULA = re.compile(r"\${1,2}([^$\n]+)\${1,2}")
# TeX takes the next two letters for a fraction without braces; docutils wants the braces.
FRACTION = re.compile(r"\\(t?d?frac) ?(\d|[A-Za-z])(?: ?)(\d|[A-Za-z])(?![A-Za-z])")


# Commands that it does not know, with what reads alike.
OTHERS = {r"\\Big[lr]?(?![a-z])": "", r"\\dots(?![a-z])": r"\\ldots", "½": r"\\tfrac{1}{2}"}


def known(formula: str) -> str:
    r"""Write a formula with the commands that docutils knows, and braces about the parts of a fraction.

    >>> known(r"\tfrac12 g + \frac nN + \frac{a}{b} \Big/ n \dots")
    '\\tfrac{1}{2} g + \\frac{n}{N} + \\frac{a}{b} / n \\ldots'
    """
    for pattern, other in OTHERS.items():
        formula = re.sub(pattern, other, formula)
    return FRACTION.sub(r"\\\1{\2}{\3}", formula)


def translate(app: Any, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Write a docstring's quotes and formulas as reStructuredText has them."""
    for place, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        parts = FORMULA.split(line)
        for i, part in enumerate(parts):
            if i % 2:
                parts[i] = f":math:`{known(part)}`"
            else:
                parts[i] = CODE.sub(
                    lambda found: f"``{found[1]}``" + (rf"\ {found[2]}" if found[2] else ""), part
                )
        lines[place] = "".join(parts)


def write_formula(writer: Any, node: Any) -> None:
    """Write a formula within a line as MathML."""
    from docutils import nodes
    from docutils.utils.math.latex2mathml import tex2mathml

    writer.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Come before numpydoc, which is connected at 500."""
    app.connect("autodoc-process-docstring", translate, priority=100)
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
