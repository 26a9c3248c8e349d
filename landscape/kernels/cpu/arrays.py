"""The arguments of the kernels: named tuples of arrays."""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

# Where the sums of a product begin: at zero, or at what C holds; else the number of the first row's bias among W's numbers.
FROM_ZERO, FROM_OUT = -1, -2


class Network(NamedTuple):
    """A program as arrays: the rows, the links, the attributes in the kernels' dtype.

    `geometry` [n, columns] and `epsilons` [n] are empty where no row needs them; `rules` int64 holds the addresses of compiled rules (`rules.py`).
    """

    rows: NDArray
    links: NDArray
    attributes: NDArray
    geometry: NDArray
    epsilons: NDArray
    rules: NDArray


class Frame(NamedTuple):
    """The argument of every rule: the network, and a worker's memory for one tile of examples.

    `places` int64 [n] says where each row's output lies: at places[i] (in features) of `work`, or, where that is negative, at −1 − places[i] of
    `shared`, the data and what a sweep's points share. `weights` is [θ, constants], `vector` a change of it (empty: zero), `tangent` the change of
    every output, `adjoint` the adjoints that are read and `into` those that are written, `gradient` what is added to (empty: not wanted).
    `targets` int64 [n] is where products that are linear in their parameters put their part into `tangent`.
    """

    network: Network
    places: NDArray
    weights: NDArray
    work: NDArray
    shared: NDArray
    scratch: NDArray
    width: int
    vector: NDArray
    tangent: NDArray
    targets: NDArray
    adjoint: NDArray
    into: NDArray
    gradient: NDArray


class Part(NamedTuple):
    """A flat array, and the place in it where a part begins."""

    numbers: NDArray
    start: int


class Batch(NamedTuple):
    """Tiles of data, examples innermost.

    `x` [tiles, F, B]; `labels` int32 [tiles, T, B] (cross-entropy) or empty; `targets` [tiles, F, B] or empty; `counts` float64
    [tiles, B]: unignored target elements an example; `valid` int64 [tiles]: examples in a tile, the columns after
    them repeat the last.
    """

    x: NDArray
    labels: NDArray
    targets: NDArray
    counts: NDArray
    valid: NDArray


class Buffers(NamedTuple):
    """Memory of each worker, a row for each: outputs of rows [F·B], scratch [S, B], sums of examples float64 [2, B]."""

    work: NDArray
    scratch: NDArray
    sums: NDArray


class SweepBuffers(NamedTuple):
    """`Buffers`, the parameters at a point and on its line [P], the line's affine products [A·B]."""

    work: NDArray
    scratch: NDArray
    sums: NDArray
    weights: NDArray
    base: NDArray
    base_products: NDArray


class DerivativeBuffers(NamedTuple):
    """`Buffers`, adjoints, tangents (zero where θ does not reach) and changes of adjoints [F·B], a tile's gradient [P]."""

    work: NDArray
    scratch: NDArray
    sums: NDArray
    adjoint: NDArray
    tangent: NDArray
    into: NDArray
    gradient: NDArray


class Primal(NamedTuple):
    """Outputs and adjoints of tiles at one θ, [tiles, F·B]; no tiles where they are not kept."""

    work: NDArray
    adjoint: NDArray


class Task(NamedTuple):
    """The computation for every tile: the rows of a network in an order, the places of their outputs, and the loss (its code, Huber's delta)."""

    network: Network
    order: NDArray
    places: NDArray
    batch: Batch
    criterion: tuple[int, float]


class Left(NamedTuple):
    """W in a flat array: row r's number for line a, place b and channel q of the depth is at `at` + r·row + a·line + b·place + q·channel.

    Where `packed` is 1, blocks of rows lie one after another and a block's rows side by side for each place of the depth: a row then has `row`
    numbers, and line, place and channel count in numbers of one row, as does `tap`, the number where the depth begins.
    """

    numbers: NDArray
    at: int
    row: int
    tap: int
    line: int
    place: int
    channel: int
    packed: int


class Right(NamedTuple):
    """X in a flat array: the columns of line a, place b and channel q are from `at` + a·line + b·place + q·channel on."""

    numbers: NDArray
    at: int
    line: int
    place: int
    channel: int


class Depth(NamedTuple):
    """How many lines the depth has, places in a line, and channels of a place."""

    lines: int
    places: int
    channels: int


class Out(NamedTuple):
    """C in a flat array: rows are `row` apart."""

    numbers: NDArray
    at: int
    row: int


class Product(NamedTuple):
    """A product C [rows, columns]: the start of its sums, and whether negative results become zero."""

    rows: int
    columns: int
    depth: Depth
    left: Left
    right: Right
    start: int
    cut: int
    out: Out


class Repeated(NamedTuple):
    """A product that is computed several times, each time with X `right_step` and C `out_step` numbers further on."""

    product: Product
    times: int
    right_step: int
    out_step: int


class OverExamples(NamedTuple):
    """A sum C [rows, columns] += Σ_t A_t [rows, width] · B_t [columns, width]ᵀ over positions, a width that is whole vectors.

    `rules` are a network's, of which one multiplies.
    """

    positions: int
    rows: int
    columns: int
    width: int
    left: Part
    right: Part
    out: Part
    rules: NDArray


class Image(NamedTuple):
    """An image in a flat array: the rows of pixel (y, x) are from `at` + (y·width + x)·pixel on, `row` numbers each."""

    numbers: NDArray
    at: int
    height: int
    width: int
    pixel: int
    row: int


class Convolution(NamedTuple):
    """A convolution of 3 × 3 taps at stride 1, by squares (`winograd.py`), or the gradient of its taps.

    Output pixel (y, x) sees the source from (y − top, x − left) on. Tap k of the weight from channel q to output r is number
    `taps.start` + r·out_step + q·channel_step + k, 8 − k where `turned`, times number `scale` + r of the scratch, unless that is negative; `start` as
    in a product, among the scratch's numbers; what is negative becomes zero where `cut`, unless outputs are added to. Of the
    scratch the numbers from `free` on may be used. For the gradient of the taps the target is the adjoint.
    """

    source: Image
    target: Image
    channels: int
    outputs: int
    top: int
    left: int
    taps: Part
    out_step: int
    channel_step: int
    turned: int
    scale: int
    start: int
    cut: int
    free: int
    scratch: NDArray
    rules: NDArray
