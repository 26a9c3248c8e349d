"""The small networks that several figures train."""

from __future__ import annotations

import itertools

import numpy as np

import landscape


def digits(seed: int = 0, init: str = "he") -> landscape.Model:
    """The bundled 64-32-10 network on handwritten digits, at an initialization."""
    model = landscape.load_model(landscape.bundled_path("digits"))
    return model.with_theta(landscape.initialize(model, init, seed))


def chebyshev(seed: int = 0) -> landscape.Model:
    """The tanh network 1-30-30-1 on 40 points of the Chebyshev polynomial T₄, loss ½ mean squared error.

    Cohen et al. 2021 (arXiv 2103.00065) train its like; P = 1021.
    """
    x = np.linspace(-1.0, 1.0, 40)[:, None]
    sizes = (1, 30, 30, 1)
    layers = [(np.ones((wide, narrow)), np.zeros(wide)) for narrow, wide in itertools.pairwise(sizes)]
    model = landscape.build_model(
        layers=layers, activation="tanh", loss="mse", loss_scale=0.5, x_train=x, y_train=8 * x**4 - 8 * x**2 + 1,
        name="tanh on T₄",
    )  # fmt: skip
    return model.with_theta(landscape.initialize(model, "xavier", seed))
