"""MNIST-1D by its published recipe: ten templates of 12 points, padded, scaled, shifted, made noisy, sheared and sampled at 40 points.

S. Greydanus and D. Kobak, "Scaling Down Deep Learning with MNIST-1D" (arXiv 2011.14439), section 2 and its appendix. The numbers are drawn in
another order than in the authors' program, so these are other examples of the same distribution.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

TEMPLATES = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
PADDING, SCALE, SHIFT, SHEAR = (36, 60), 0.4, 48, 0.75
SMOOTH_NOISE, NOISE, LENGTH = 0.25, 0.02, 40


def templates() -> np.ndarray:
    """Centre and scale each template, and let it start at zero."""
    whitened = TEMPLATES - TEMPLATES.mean(1, keepdims=True)
    whitened /= whitened.std(1, keepdims=True)
    return (whitened - whitened[:, :1]) / 6


def stretched(signal: np.ndarray, points: int) -> np.ndarray:
    """Sample a signal anew, linearly."""
    return np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(signal)), signal)


def example(rng: np.random.Generator, template: np.ndarray) -> np.ndarray:
    """Make one example of a template."""
    padding = PADDING[0] + int(rng.random() * (PADDING[1] - PADDING[0] + 1))
    # A template's own zeros are no padding.
    signal = np.concatenate([template + 1e-8, np.zeros(padding)])
    signal = stretched(signal, template.size + PADDING[1]) * (1 + SCALE * (rng.random() - 0.5))
    signal = np.roll(signal, int(rng.integers(SHIFT)))
    smooth = gaussian_filter(SMOOTH_NOISE * rng.standard_normal(signal.size), 2)
    signal = np.where(signal != 0, signal, smooth) + NOISE * rng.standard_normal(signal.size)
    signal -= SHEAR * (rng.random() - 0.5) * np.linspace(-0.5, 0.5, signal.size)
    return stretched(signal, LENGTH)


def make_examples(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give signals [count, 40], standardized over all, and their classes, in a random order."""
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.arange(count) % len(TEMPLATES))
    shapes = templates()
    signals = np.stack([example(rng, shapes[number]) for number in classes])
    return (signals - signals.mean()) / signals.std(), classes
