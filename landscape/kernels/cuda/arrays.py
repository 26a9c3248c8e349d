"""The arguments of the kernels: named tuples of arrays on the device."""

from __future__ import annotations

from typing import Any, NamedTuple


class Network(NamedTuple):
    """A program as arrays: its rows, its links, its attributes in the kernels' dtype; geometry and epsilons are empty without wider ops.

    `rows` has two columns more than the program, and `links` the inverses of its index maps (`inverses.py`). `scratch` counts the features of a
    workspace behind the outputs, which rules for derivatives note things in.
    """

    rows: Any
    links: Any
    attributes: Any
    geometry: Any
    epsilons: Any
    scratch: int


class Frame(NamedTuple):
    """The argument of every rule, as on the CPU: the network, and a block's memory for one tile of examples; arrays that a pass does not need are empty."""

    network: Network
    places: Any
    weights: Any
    work: Any
    shared: Any
    vector: Any
    tangent: Any
    adjoint: Any
    into: Any
    gradient: Any


class Part(NamedTuple):
    """A block's memory, and the feature at which a part of it begins."""

    numbers: Any
    start: int


class Mapped(NamedTuple):
    """An output as a row reads it: its memory, the feature at which it begins, where its index map begins among the links, and whether it is `single`.

    The map is negative where there is none; numbers that are the same for all examples lie side by side from the feature on.
    """

    numbers: Any
    start: int
    map: int
    single: bool


class Strided(NamedTuple):
    """Features of a block's memory, the first of them and how many are from one to the next."""

    numbers: Any
    start: int
    step: int


class Weight(NamedTuple):
    """A weight: the parameters, or a block's memory, in which it lies, and the number at which it begins."""

    numbers: Any
    start: int


class Matrix(NamedTuple):
    """A matrix in a flat array: row r, column c is at start + r·row + c·column."""

    numbers: Any
    start: int
    row: int
    column: int


class Product(NamedTuple):
    """A product of matrices C [m, n] = A [m, depth] · B [depth, n], or one that is added to C; `bias` is where a column lies in A's array that C starts from.

    It is negative where there is none. The columns of C lie side by side.
    """

    m: int
    n: int
    depth: int
    a: Matrix
    b: Matrix
    c: Matrix
    bias: int
    more: bool


class Batch(NamedTuple):
    """Tiles of data as on the CPU, but for `x` [tiles, F·B], which is flat in a tile."""

    x: Any
    labels: Any
    targets: Any
    counts: Any
    valid: Any


class Buffers(NamedTuple):
    """A block's workspace, a row each [blocks, F·B]; empty where it lies in shared memory."""

    work: Any


class SweepBuffers(NamedTuple):
    """`Buffers`, and the parameters at a block's point [blocks, P]."""

    work: Any
    weights: Any


class DerivativeBuffers(NamedTuple):
    """A block's outputs, adjoints, tangents, changes of adjoints [blocks, F·B], and the gradient of a slot [blocks, P]."""

    work: Any
    adjoint: Any
    tangent: Any
    into: Any
    gradient: Any


class Examples(NamedTuple):
    """Data an example a row, as training draws them, as on the CPU."""

    x: Any
    labels: Any
    targets: Any
    counts: Any


class Runs(NamedTuple):
    """The settings of each of R runs, as on the CPU."""

    whole: Any
    numbers: Any


class Progress(NamedTuple):
    """The state of each run, as on the CPU."""

    weights: Any
    slots: Any
    step: Any
    diverged: Any


class Log(NamedTuple):
    """Sums of the batch [R, K, 7] and norm of its gradient [R, K] before every `stride`-th step; `start` is column 0's step."""

    start: int
    stride: int
    sums: Any
    norms: Any


class TrainingBuffers(NamedTuple):
    """Memory of each block, a row for each: a tile, the order of the examples, the gradient, and θ before the step.

    Workspace and adjoints are empty where they lie in shared memory.
    """

    work: Any
    adjoint: Any
    tile: Batch
    order: Any
    partners: Any
    gradient: Any
    previous: Any


class Plan(NamedTuple):
    """What a sweep shares, as on the CPU."""

    fixed: Any
    affine: Any
    order: Any
    places: Any
    inner: Any
    affine_places: Any
    ranges: Any


class Grid(NamedTuple):
    """`vectors` [1 + d, P]: θ₀, then the directions; `axes` [d, longest] and their lengths [d]."""

    vectors: Any
    axes: Any
    lengths: Any


class Criterion(NamedTuple):
    """Which loss: its code, and Huber's delta in the kernels' dtype."""

    code: int
    delta: float
