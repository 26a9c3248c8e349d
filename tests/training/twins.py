"""Optimizers, schedules and batches again, in plain NumPy and straight from the papers: the referee of the compiled ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from landscape.formulas.draws import DRAWS, EPOCHS
from landscape.formulas.random import fraction, words
from landscape.training import Recipe

Array = np.ndarray
Gradient = Callable[[Array, int], Array]


def factor(recipe: Recipe, step: int) -> float:
    """Multiply the rate at a step by this."""
    r = recipe.filled()
    if step < r.warmup:
        return (step + 1) / r.warmup
    t, total = step - r.warmup, r.schedule_steps - r.warmup
    part = t / total
    return {
        "constant": lambda: 1.0,
        "step": lambda: r.decay ** (t // r.period),
        "exponential": lambda: r.decay ** (t / r.period),
        "inverse_sqrt": lambda: (1 + t / r.period) ** -0.5,
        "cosine": lambda: r.floor + (1 - r.floor) * (0.5 + 0.5 * math.cos(math.pi * part)),
        "linear": lambda: (1 - part) + part * r.floor,
        "transformer": lambda: min((t + 1) ** -0.5, (t + 1) * r.period**-1.5) * r.period**0.5,
    }[r.schedule]()


def descend(recipe: Recipe, theta: Array, gradient: Gradient) -> Iterator[Array]:
    """Give θ before every step and after the last; `gradient` takes θ and the step."""
    r, t = recipe.filled(), 0
    m = v = top = np.zeros_like(theta)
    decay = r.weight_decay if r.decoupled else 0.0
    while True:
        yield theta
        rate, beta1, beta2 = r.learning_rate * factor(r, t), r.momentum, r.beta2
        g = gradient(theta, t)
        if r.optimizer == "sam":
            g = gradient(theta + r.radius * g / np.linalg.norm(g), t)
        norm = np.linalg.norm(g)
        g = g * (r.clip / norm) if 0 < r.clip < norm else g
        t += 1
        if r.optimizer in ("sgd", "sam"):
            m = beta1 * m + g
            theta = theta - rate * m
        elif r.optimizer == "heavy_ball":
            m = beta1 * m - rate * g
            theta = theta + m
        elif r.optimizer == "nesterov":
            m = beta1 * m + g
            theta = theta - rate * (g + beta1 * m)
        elif r.optimizer in ("adagrad", "adagrad_rms"):
            v = v + g**2
            sigma = np.sqrt(v / t if r.optimizer == "adagrad_rms" else v)
            theta = theta - rate * g / (sigma + r.eps)
        elif r.optimizer == "rmsprop":
            v = beta2 * v + (1 - beta2) * g**2
            m = beta1 * m + g / (np.sqrt(v) + r.eps)
            theta = theta - rate * m
        elif r.optimizer == "lion":
            theta = theta - rate * (np.sign(beta1 * m + (1 - beta1) * g) + decay * theta)
            m = beta2 * m + (1 - beta2) * g
        else:
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g**2
            top = np.maximum(top, v)
            m_hat, v_hat = m / (1 - beta1**t), (top if r.optimizer == "amsgrad" else v) / (1 - beta2**t)
            move = m_hat / (np.sqrt(v_hat) + r.eps)
            if r.optimizer == "radam":
                longest = 2 / (1 - beta2) - 1
                rho = longest - 2 * t * beta2**t / (1 - beta2**t)
                move = m_hat
                if rho > 5:
                    part = (rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)
                    move = m_hat * math.sqrt(part * (1 - beta2**t)) / (np.sqrt(v) + r.eps)
            theta = theta * (1 - rate * decay) - rate * move


def epoch_order(seed: int, epoch: int, count: int) -> Array:
    """Shuffle by Fisher and Yates, from the last place to the second, the swap at place i by number i of the epoch's stream."""
    order = np.arange(count)
    even, odd, _ = words(seed, EPOCHS + epoch, 0, count)
    numbers = fraction(np.stack([even, odd], axis=1).reshape(-1))
    for i in range(count - 1, 0, -1):
        j = int(numbers[i] * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def batch(recipe: Recipe, step: int, examples: int) -> Array:
    """Name the examples of a step."""
    size = min(recipe.batch_size, examples)
    if recipe.replacement:
        even, _, _ = words(recipe.seed, DRAWS, 2 * step * size, 2 * size)
        return (fraction(even) * examples).astype(int)
    steps = math.ceil(examples / size)
    return epoch_order(recipe.seed, step // steps, examples)[step % steps * size :][:size]
