"""One page for a person who was not there: the verdict first, then the evidence, and how to get each figure again.

`report` gathers sections (`section`) from the diagnosis (`verdict`) and the measurements (`parts`); `page` writes them as HTML, `pages` as PDF.
"""

from landscape.reporting.report import Report, make_report, write_report

__all__ = ["Report", "make_report", "write_report"]
