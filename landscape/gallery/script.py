"""What a script of `figures/` does: draw its own figure beside itself, or where `--output` says."""

from __future__ import annotations

import argparse
from pathlib import Path

from landscape.gallery import FIGURES, draw_figure
from landscape.gallery.files import write_figure


def main(file: str) -> None:
    """Draw the figure that a script is named after."""
    script = Path(file)
    parser = argparse.ArgumentParser(description=FIGURES[script.stem])
    parser.add_argument("--quick", action="store_true", help="fewer points, runs and steps, for a test")
    parser.add_argument("--output", type=Path, default=script.with_suffix(".png"))
    options = parser.parse_args()
    write_figure(draw_figure(script.stem, quick=options.quick), options.output, "png")
    print(options.output)
