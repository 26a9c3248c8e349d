"""The streams of random numbers by name, so that no two uses ever share one.

A stream of the counter-based generator (`formulas.random`) is a number beside the seed. Each use has a `range` of them here: one, or as many
as it has parts (a layer, an epoch, an attempt), and `STARTS[3]` refuses a part beyond its range. Uses of NumPy's generator have a key each.
Numbers once given stay: trainings that are resumed and seeded results depend on them.
"""

from __future__ import annotations

import numpy as np

# Directions, by number.
DIRECTIONS = range(0x6469_7200, 0x646A_7200)
# Which examples a subset has.
SUBSETS = range(2**32, 2**32 + 1)
# A training: the order of an epoch, batches drawn with replacement, dropout by its row in the program, and the start by its slot in θ.
EPOCHS = range(2**33, 2**34)
DRAWS = range(2**34, 2**34 + 1)
MASKS = range(2**35, 2**36)
STARTS = range(2**36, 2**37)
# Vectors on which finite differences are tried, and vectors on which they are compared with exact products.
STEPS = range(2**37, 2**37 + 1)
COMPARED = range(2**38, 2**38 + 1)
# Sharpness: the basis and the points of Keskar's measure, a ball's points, noise in θ; the factors of rescaled neurons by their pair of layers,
# and the signs of relative flatness by their layer.
SUBSPACE = range(2**39, 2**39 + 1)
BOX = range(2**39 + 1, 2**39 + 2)
BALL = range(2**39 + 2, 2**39 + 3)
NOISE = range(2**39 + 3, 2**39 + 4)
FACTORS = range(2**39 + 100, 2**40)
FLATNESS = range(2**48, 2**49)
# Critical points: probes of kinks in θ and in a step, the random plane, the starts of an atlas, where a function's range is looked for.
KINKS = range(2**41, 2**41 + 2)
PLANE = range(2**42, 2**42 + 1)
ATLAS = range(2**43, 2**43 + 1)
RANGE = range(2**43 + 1, 2**43 + 2)
# Curvature: the two parts of Hutch++, plain quadratic forms, the Frobenius norm, the diagonal, the probes of a density, the start of a search
# by its attempt, the estimate of a norm, the comparison of a dense matrix with products.
SKETCH = range(2**44, 2**44 + 1)
REMAINDER = range(2**44 + 1, 2**44 + 2)
FORMS = range(2**44 + 2, 2**44 + 3)
FROBENIUS = range(2**44 + 3, 2**44 + 4)
DIAGONAL = range(2**44 + 4, 2**44 + 5)
DENSITY = range(2**45, 2**45 + 1)
SEARCH = range(2**46, 2**47)
NORM = range(2**47, 2**47 + 1)
DENSE = range(2**47 + 1, 2**47 + 2)
# The Krylov space that a diagnosis looks at a point with.
KRYLOV = range(2**47 + 2, 2**47 + 3)

# Keys of NumPy's generator, which stand behind the seed.
NUMPY = {
    "data of a known fault": 0,
    "shifted data of a known fault": 1,
    "batches": 2,
    "bootstrap": 7,
    "two samples": 11,
    "parts of the training set": 13,
    "carved validation set": 17,
    "a few examples": 19,
    "restarts of a search": 23,
    "starts on a cubic": 29,
    "starts on a quartic": 31,
    "second parameters of an import": 37,
    "parameters at which outputs are observed": 41,
}


def numpy_generator(use: str, seed: int, part: int = 0) -> np.random.Generator:
    """Return NumPy's generator for a use that is listed in `NUMPY`, a function of the seed and the part.

    Examples
    --------
    >>> draws = [numpy_generator(use, 0).integers(2**60) for use in NUMPY]
    >>> len(set(draws)) == len(NUMPY)
    True
    """
    return np.random.default_rng([seed, NUMPY[use], part])
