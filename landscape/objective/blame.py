"""Find the place in the user's own program at which an error was raised."""

from __future__ import annotations

import sysconfig
import traceback


def place_of(error: BaseException) -> str:
    """Name the file and line of the last frame that is neither a package's nor ours; "" if there is none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not is_foreign(frame.filename)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def is_foreign(path: str) -> bool:
    """Say whether a file belongs to a package, to Python or to us.

    >>> is_foreign("/home/me/net.py"), is_foreign("/usr/lib/python3/site-packages/torch/nn/module.py")
    (False, True)
    """
    ours = __file__.rpartition("objective")[0]
    pythons = sysconfig.get_path("stdlib")
    return "site-packages" in path or path.startswith((ours, pythons, "<"))


def first_line(error: BaseException) -> str:
    r"""Give the first line of an error's message, cut where it is long.

    >>> first_line(RuntimeError("one\ntwo"))
    'one'
    """
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:160]
