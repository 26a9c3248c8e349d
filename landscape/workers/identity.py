"""What the bits of a result depend on: the CPU, the versions of libraries, and the sources."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numba
import numpy as np
import scipy

from landscape.machine import cpu_features, cpu_kind
from landscape.objective.session import blas_libraries
from landscape.version import current_version

Identity = Mapping[str, str]
# What must be the same on every worker, whatever else is allowed to differ: other sources may take another work for the one that is sent.
ALWAYS = ("landscape",)


@cache
def identity() -> dict[str, str]:
    """Say what this process computes with.

    Returns
    -------
    dict
        CPU (its kind as the compiler names it, with a hash of its features), landscape (version and a hash of its sources), numba, numpy, scipy,
        BLAS (each library with its version and the kernels that it chose).

    Examples
    --------
    >>> sorted(identity())
    ['BLAS', 'CPU', 'landscape', 'numba', 'numpy', 'scipy']
    """
    features = ",".join(sorted(name for name, there in cpu_features().items() if there))
    libraries = sorted({told(library.info()) for library in blas_libraries()})
    return {
        "CPU": f"{cpu_kind()} ({short(features.encode())})",
        "landscape": f"{current_version()} ({sources()})",
        "numba": numba.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "BLAS": ", ".join(libraries) or "none",
    }


def told(library: Mapping[str, object]) -> str:
    """Name a BLAS library: its interface's name, its version, and the kind of CPU that it takes this one for."""
    parts = (library.get(name) for name in ("internal_api", "version", "architecture"))
    return " ".join(str(part) for part in parts if part)


def short(content: bytes) -> str:
    """Hash to eight digits, for people to compare.

    >>> short(b"")
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()[:8]


@cache
def sources() -> str:
    """Hash the sources of the package: a worker that was started before an edit computes with the old ones."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:8]


def differences(here: Identity, there: Identity, *, mixed: bool) -> str:
    """Say in what a worker differs from this process; "" where it does not, or only in what `mixed` allows.

    >>> differences({"CPU": "a", "numba": "1"}, {"CPU": "b", "numba": "1"}, mixed=False)
    'CPU a here, b there'
    >>> differences({"CPU": "a", "landscape": "1"}, {"CPU": "b", "landscape": "1"}, mixed=True)
    ''
    """
    names = [name for name in here if here[name] != there.get(name) and (name in ALWAYS or not mixed)]
    return "; ".join(f"{name} {here[name]} here, {there.get(name, 'none')} there" for name in names)


def named(there: Identity, here: Identity) -> str:
    """Name a worker in a record: its kind of CPU, and versions that are not ours.

    >>> named({"CPU": "znver4, vectors of 64 bytes (0a)", "numba": "0.61"}, {"CPU": "", "numba": "0.62"})
    'znver4, vectors of 64 bytes, numba 0.61'
    """
    kind = there["CPU"].rpartition(" (")[0]
    others = [f"{name} {there[name]}" for name in there if name != "CPU" and there[name] != here.get(name)]
    return ", ".join([kind, *others])
