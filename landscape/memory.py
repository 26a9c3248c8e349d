"""How much memory this process may still use, asked before a file is unpacked."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Folder, limit and use of a container's memory, in version 2 and version 1 of control groups.
CONTROL_GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)

UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
# Fewer bytes than any machine that runs Python has to spare.
UNASKED = 8 * 2**20


def available_memory() -> int:
    """Return the bytes that can be allocated now: the smallest of what the machine, the control group and the limits leave.

    >>> available_memory() > 0
    True
    """
    return max(0, min(_machine(), _control_group(), _address_space()))


def fits_memory(needed: int) -> bool:
    """Say whether a number of bytes can be allocated now; small numbers are assumed to fit, since checking reads six files.

    >>> fits_memory(1000), fits_memory(10**18)
    (True, False)
    """
    return needed <= UNASKED or needed <= available_memory()


def size_words(count: float) -> str:
    """Write a number of bytes.

    >>> size_words(3 * 2**30), size_words(1536 * 2**10), size_words(0)
    ('3.0 GiB', '1.5 MiB', '0.0 KiB')
    """
    unit, name = next((row for row in UNITS if count >= row[0]), UNITS[-1])
    return f"{count / unit:.1f} {name}"


def _machine() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return sys.maxsize


def _control_group() -> int:
    """Return the bytes that a container's limit leaves; its file cache counts as free, since the kernel can drop it."""
    for folder, limit, used in CONTROL_GROUPS:
        try:
            left = int(Path(folder, limit).read_text()) - int(Path(folder, used).read_text())
            lines = Path(folder, "memory.stat").read_text().splitlines()
        except (OSError, ValueError):
            continue
        cached = (line.split()[1] for line in lines if line.startswith(("inactive_file ", "active_file ")))
        return left + sum(map(int, cached))
    return sys.maxsize


def _address_space() -> int:
    """Return the bytes that RLIMIT_AS leaves."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError, ValueError, IndexError):
        return sys.maxsize
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit - used
