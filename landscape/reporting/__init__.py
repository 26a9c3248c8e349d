"""Reports for readers who did not run the experiments: the verdict, the evidence, and a command for each figure.

`report` gathers sections (`section`) from the diagnosis (`verdict`) and the measurements (`parts`); `page` writes them as HTML, `pages` as PDF.
"""

from landscape.reporting.report import Report, make_report, write_report

__all__ = ["Report", "make_report", "write_report"]
