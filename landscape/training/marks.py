"""At which steps a run is evaluated: evenly spaced, including the first and the last."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def marks(steps: int, count: int) -> NDArray[np.int64]:
    """Spread `count` evaluations over steps 0 to `steps`, fewer if there are fewer steps.

    Examples
    --------
    >>> marks(10, 3).tolist(), marks(2, 9).tolist(), marks(5, 0).tolist()
    ([0, 5, 10], [0, 1, 2], [])
    """
    return np.unique(np.round(np.linspace(0, steps, count)).astype(np.int64))
