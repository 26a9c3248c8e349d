"""Every operator that is translated, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.importers.pytorch.exported.call import Call
from landscape.importers.pytorch.exported.functions import FUNCTIONS
from landscape.importers.pytorch.exported.layers import LAYERS
from landscape.importers.pytorch.exported.layouts import LAYOUTS
from landscape.importers.pytorch.exported.pools import POOLS

TABLE: dict[str, Callable[[Call], Any]] = {**FUNCTIONS, **LAYOUTS, **LAYERS, **POOLS}
