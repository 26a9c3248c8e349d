"""An animation of a run on its plane: the map stays, and the path grows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib import animation
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from landscape.errors import ComputationError, InputError
from landscape.files import write_bytes_atomically
from landscape.marks import holds_mark
from landscape.overwrite import refuse_overwriting
from landscape.plots.contours import draw_map, shared_levels
from landscape.plots.field import field_of
from landscape.plots.planes import EDGE, PATH, STOP
from landscape.plots.style import figure_of, style
from landscape.records import Trajectory

FRAMES_PER_SECOND = 8
# The last picture stands so many frames.
STAND = 8
# Of a frame: enough for a screen, and a GIF of some hundred kilobytes.
DOTS_PER_INCH = 130
MARK = "landscape-trajectory"
WRITERS = {".gif": "pillow", ".mp4": "ffmpeg"}


def require_film(path: str | Path, *, inputs: Sequence[str | Path] = (), fresh: bool = False) -> None:
    """Check that a film can be written, before any work, and replaces nothing but a film unless `fresh`.

    Raises
    ------
    landscape.errors.InputError
        Neither .gif nor .mp4, a format whose writer is not installed, or a path that cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in WRITERS:
        raise InputError(f"{path}: expected a film named .gif or .mp4")
    if not animation.writers.is_available(WRITERS[suffix]):
        raise InputError(f"{path}: {suffix} needs the program ffmpeg, which is not installed: choose .gif")
    refuse_overwriting(path, inputs=inputs, fresh=fresh, ours=lambda found: holds_mark(found, MARK))


def save_film(
    record: Trajectory, path: str | Path, *, inputs: Sequence[str | Path] = (), fresh: bool = False
) -> None:
    """Write the film of a trajectory, one frame for each checkpoint.

    Each frame shows its update and its true loss.

    Raises
    ------
    landscape.errors.InputError
        As `require_film`.
    landscape.errors.ComputationError
        The writer failed; nothing is left half-written.
    """
    require_film(path, inputs=inputs, fresh=fresh)
    field = field_of(record.scan)
    x, y = record.projected.T
    true = record.values[record.main]
    with style():
        ax = draw_map(field, shared_levels(field, None), None, around=list(zip(x, y, strict=True)))
        figure = figure_of(ax)
        (line,) = ax.plot([], [], **PATH)
        line.set_path_effects([Stroke(**EDGE), Normal()])
        (stops,) = ax.plot([], [], **STOP)
        words = ax.text(0.02, 0.98, "", transform=ax.transAxes, va="top", fontsize=7, color="white", zorder=7)
        words.set_path_effects([Stroke(linewidth=2.0, foreground="black"), Normal()])
        figure.draw_without_rendering()
        figure.set_layout_engine("none")

        def show(frame: int) -> None:
            last = min(frame, len(x) - 1) + 1
            line.set_data(x[:last], y[:last])
            stops.set_data(x[:last], y[:last])
            words.set_text(f"update {int(record.step[last - 1]):,}: loss {true[last - 1]:.3g}")

        write_film(figure, show, len(x) + STAND, Path(path))


def write_film(figure: Figure, show: Callable[[int], None], frames: int, path: Path) -> None:
    """Let the writer make its file elsewhere, and put it in place when it is whole."""
    writer = animation.writers[WRITERS[path.suffix.lower()]](fps=FRAMES_PER_SECOND)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / f"film{path.suffix.lower()}"
        try:
            with writer.saving(figure, str(film), DOTS_PER_INCH):
                for frame in range(frames):
                    show(frame)
                    writer.grab_frame()
        except (OSError, RuntimeError) as error:
            raise ComputationError(f"{path}: the film could not be made: {error}") from None
        write_bytes_atomically(path, marked(film.read_bytes(), path.suffix.lower()))


def marked(film: bytes, suffix: str) -> bytes:
    r"""Put the mark into a film: a comment before the end of a GIF, an unused box after an MP4.

    >>> marked(b"GIF89a;", ".gif"), marked(b"", ".mp4")[4:]
    (b'GIF89a!\xfe\x14landscape-trajectory\x00;', b'freelandscape-trajectory')
    """
    text = MARK.encode()
    if suffix == ".gif":
        return film[:-1] + b"!\xfe" + bytes([len(text)]) + text + b"\x00" + film[-1:]
    return film + (8 + len(text)).to_bytes(4, "big") + b"free" + text
