"""One table of networks × losses × data that every test of the engine is parametrized over.

Add a row to a file of this folder before adding a test. All numbers are representable in float32, so that both dtypes see the
same problem. Every unit stays away from its kinks, which `test_reference.py` checks.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from landscape.model import Model
from tests.cases.chains import ACTIVATIONS, CHAINS, DATA, FUNCTIONS, LOSSES, WIDTHS
from tests.cases.general import LAYOUTS, VALUES
from tests.cases.graphs import GRAPHS, NORMALIZATIONS, PARAMETERS
from tests.cases.images import IMAGES, TOKENS
from tests.networks import Build

__all__ = ["ACTIVATIONS", "CASES", "LAYOUTS", "VALUES", "Case"]


@dataclass(frozen=True)
class Case:
    """A network, a loss and data under one name."""

    name: str
    build: Build

    @property
    def model(self) -> Model:
        """Build the model, or give the one already built."""
        return built(self.name)

    @property
    def rng(self) -> np.random.Generator:
        """Give a fresh generator of the case's own."""
        return np.random.default_rng(zlib.crc32(self.name.encode()))


@cache
def built(name: str) -> Model:
    """Build a case's model once for all tests."""
    return CASES[name].build(CASES[name].rng)


TABLE = (
    CHAINS
    | FUNCTIONS
    | LOSSES
    | DATA
    | WIDTHS
    | NORMALIZATIONS
    | GRAPHS
    | PARAMETERS
    | IMAGES
    | TOKENS
    | LAYOUTS
    | VALUES
)
CASES: dict[str, Case] = {name: Case(name, build) for name, build in TABLE.items()}
