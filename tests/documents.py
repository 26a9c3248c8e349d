"""Parts of the documents, for the tests that check them against the program."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = {
    name: ROOT / name
    for name in (
        "README.md",
        "docs/commands.md",
        "docs/connect.md",
        "docs/faq.md",
        "docs/functions.md",
        "docs/gpu.md",
        "docs/importing.md",
        "docs/index.md",
        "docs/lecture.md",
        "docs/numbers.md",
        "docs/pytorch.md",
        "docs/reading.md",
        "docs/recording.md",
        "docs/speed.md",
        "docs/surfaces.md",
        "docs/start/command-line.md",
        "docs/start/notebook.md",
        "docs/start/training-loop.md",
        "docs/zh/lecture.md",
        "docs/zh/start.md",
    )
}
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in GUIDES.values())


def blocks(language: str) -> list[str]:
    """Give the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def shell_lines() -> list[str]:
    """Give every line of the shell blocks."""
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


def commands() -> list[list[str]]:
    """Give the arguments of every line that calls `landscape`, once where several guides have it."""
    return [shlex.split(line)[1:] for line in dict.fromkeys(shell_lines()) if line.startswith("landscape ")]


def installs() -> list[str]:
    """Give the lines that begin with an environment of their own."""
    return [line for line in shell_lines() if line.startswith("python3 -m venv")]
