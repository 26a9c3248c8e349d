"""Reductions, pools and changes of size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from landscape.importers.pytorch.exported.call import Call, pair
from landscape.importers.pytorch.exported.functions import maximum, minimum
from landscape.importers.rules.windows import (
    Window,
    along,
    averaged,
    max_pooled,
    summed,
    summed_before,
    windowed,
)
from landscape.importers.values import Value

Translate = Callable[[Call], Any]


def dims_of(call: Call) -> list[int]:
    """Give the axes that are reduced: none stands for all."""
    dims = call.get("dim")
    if dims is None or dims == []:
        return list(range(len(call.value.shape)))
    return [dims] if isinstance(dims, int) else list(dims)


def reduction(op: str) -> Translate:
    """Make the row of a reduction over axes."""

    def translate(call: Call) -> Any:
        if call.get("other") is not None:
            return {"max": maximum, "min": minimum}[call.name](call)
        result = call.builder.reduced(op, call.value, dims_of(call), bool(call.get("keepdim")))
        # With an axis there are the places too, which nothing may use.
        return [result, None] if isinstance(call.node.meta["val"], tuple) else result

    return translate


def variance(call: Call) -> Any:
    """Translate the mean squared distance from the mean, corrected for the number of numbers."""
    b, value = call.builder, call.value
    dims, keep = dims_of(call), bool(call.get("keepdim"))
    count = math.prod(value.shape[value.axis(dim)] for dim in dims)
    correction = call.get("correction")
    if correction is None:
        correction = 1 if call.get("unbiased", True) is not False else 0
    mean = b.reduced("reduce_mean", value, dims, True)
    squares = b.function("square", b.binary("subtract", value, mean))
    result = b.scaled(b.reduced("reduce_mean", squares, dims, keep), count / (count - float(correction)))
    if call.name.startswith("std"):
        result = b.function("sqrt", result)
    if not call.name.endswith("_mean"):
        return result
    return [result, mean if keep else b.reduced("reduce_mean", value, dims, False)]


def norm(call: Call) -> Value:
    """Translate a norm of order 1, 2 or ∞ over axes."""
    b, value = call.builder, call.value
    order = call.get("ord", call.get("p"))
    order = 2.0 if order is None else float(order)
    dims, keep = dims_of(call), bool(call.get("keepdim"))
    if order == 1:
        return b.reduced("reduce_sum", b.function("abs", value), dims, keep)
    if order == 2:
        return b.function("sqrt", b.reduced("reduce_sum", b.function("square", value), dims, keep))
    if order == math.inf:
        return b.reduced("reduce_max", b.function("abs", value), dims, keep)
    powers = b.function("power", b.function("abs", value), exponent=order)
    return b.function("power", b.reduced("reduce_sum", powers, dims, keep), exponent=1 / order)


def cumulative(call: Call) -> Value:
    """Sum what comes before along an axis."""
    return summed_before(call.builder, call.value, call["dim"])


def window_of(call: Call, axes: int) -> Window:
    """Read a pool's window."""
    kernel = pair(call["kernel_size"], axes)
    stride = pair(call["stride"], axes) if call.get("stride") else kernel
    padding, dilation = pair(call.get("padding") or 0, axes), pair(call.get("dilation") or 1, axes)
    return Window(kernel, stride, padding, padding, dilation, bool(call.get("ceil_mode")))


def max_pool(call: Call) -> Any:
    """Take the largest number of each window."""
    axes = int(call.name.removesuffix("_with_indices")[-2])
    result = max_pooled(call.builder, call.value, window_of(call, axes))
    return [result, None] if isinstance(call.node.meta["val"], tuple) else result


def avg_pool(call: Call) -> Value:
    """Average each window; the padding counts or does not, or the divisor is another."""
    window = window_of(call, int(call.name[-2]))
    divisor, counted = call.get("divisor_override"), bool(call.get("count_include_pad", True))
    if not divisor:
        return averaged(call.builder, call.value, window, counted=counted)
    return summed(call.builder, call.value, window, float(divisor))


def spans(size: int, wanted: int) -> list[tuple[int, int]]:
    """Give the parts of an axis that an adaptive pool takes.

    >>> spans(5, 2)
    [(0, 3), (2, 5)]
    """
    return [(place * size // wanted, -(-(place + 1) * size // wanted)) for place in range(wanted)]


def adaptive_avg_pool(call: Call) -> Value:
    """Average to a given size, axis by axis."""
    axes = int(call.name.removeprefix("_")[-2])
    b, value, torch = call.builder, call.value, call.torch
    wanted = [size.count for size in call.sizes[-axes:]]
    image = value.shape[-axes:]
    if all(size == 1 for size in wanted):
        return b.reduced("reduce_mean", value, list(range(-axes, 0)), True)
    if axes < 3 and all(old % new == 0 for old, new in zip(image, wanted, strict=True)):
        kernel = [old // new for old, new in zip(image, wanted, strict=True)]
        return (
            value
            if set(kernel) == {1}
            else windowed(b, value, "avgpool2d", kernel, kernel, [0] * axes, wanted)
        )
    for number, (old, new) in enumerate(zip(image, wanted, strict=True)):
        if old == new:
            continue
        matrix = torch.zeros(old, new, dtype=torch.float64)
        for column, (start, stop) in enumerate(spans(old, new)):
            matrix[start:stop, column] = 1 / (stop - start)
        value = along(call.builder, value, len(value.shape) - axes + number, b.fixed(matrix))
    return value


def adaptive_max_pool(call: Call) -> Any:
    """Take the largest numbers of parts, to a given size, axis by axis."""
    axes = int(call.name[-2])
    b, value = call.builder, call.value
    result = call.node.meta["val"]
    wanted = [
        size.count for size in call.sizes_at(result[0] if isinstance(result, tuple) else result)[-axes:]
    ]
    for number, new in enumerate(wanted):
        axis = len(value.shape) - axes + number
        parts = spans(value.shape[axis], new)
        if len({stop - start for start, stop in parts}) > 1 or new < value.shape[axis]:
            pieces = [
                b.reduced("reduce_max", b.taken(value, axis, slice(start, stop)), [axis], True)
                for start, stop in parts
            ]
            value = b.joined(pieces, axis)
    return [value, None] if isinstance(result, tuple) else value


def resized(call: Call) -> Value:
    """Change the size of an image: each axis by a matrix, or by taking places."""
    kind = next(
        kind
        for kind in ("nearest", "linear", "bicubic")
        if kind in call.name.replace("bilinear", "linear").replace("trilinear", "linear")
    )
    value, torch = call.value, call.torch
    after = [size.count for size in call.sizes][2:]
    axes = len(after)
    scales = (
        call.get("scale_factors")
        or [call.get(name) for name in (["scales_d", "scales_h", "scales_w"] if axes > 1 else ["scales"])][
            -axes:
        ]
    )
    corners = bool(call.get("align_corners"))
    for number, new in enumerate(after):
        axis, old = number + 2, value.shape[number + 2]
        scale = float(scales[number]) if scales[number] is not None else None
        exact = "nearest_exact" in call.name or "nearest-exact" in call.name
        matrix = matrix_of(torch, kind, old, new, scale, corners, exact)
        if kind == "nearest":
            value = call.builder.taken(value, axis, matrix.argmax(0).tolist())
        elif old != new or not bool((matrix == torch.eye(old)).all()):
            value = along(call.builder, value, axis, call.builder.fixed(matrix))
    return value


def matrix_of(
    torch: Any, kind: str, old: int, new: int, scale: float | None, corners: bool, exact: bool
) -> Any:
    """Give the matrix [old, new] by which PyTorch itself changes the size of one axis."""
    unit = torch.eye(old, dtype=torch.float64)[:, None]
    aten = torch.ops.aten
    if kind == "nearest":
        run = aten._upsample_nearest_exact1d if exact else aten.upsample_nearest1d
        return run(unit, [new], scale)[:, 0]
    if kind == "linear":
        return aten.upsample_linear1d(unit, [new], corners, scale)[:, 0]
    # Of two axes, one of which has one place.
    return aten.upsample_bicubic2d(unit[:, :, None], [1, new], corners, None, scale)[:, 0, 0]


def arguments(names: Sequence[str], translate: Translate) -> dict[str, Translate]:
    """Make rows of several names."""
    return dict.fromkeys(names, translate)


POOLS: dict[str, Translate] = {
    "sum": reduction("reduce_sum"),
    "mean": reduction("reduce_mean"),
    "amax": reduction("reduce_max"),
    "amin": reduction("reduce_min"),
    "max": reduction("reduce_max"),
    "min": reduction("reduce_min"),
    **arguments(("var", "std", "var_mean", "std_mean"), variance),
    **arguments(("norm", "linalg_vector_norm", "frobenius_norm"), norm),
    "cumsum": cumulative,
    **arguments(
        [f"max_pool{n}d" for n in (1, 2, 3)] + [f"max_pool{n}d_with_indices" for n in (2, 3)], max_pool
    ),
    **arguments([f"avg_pool{n}d" for n in (1, 2, 3)], avg_pool),
    **arguments(
        [f"adaptive_avg_pool{n}d" for n in (1, 2, 3)] + ["_adaptive_avg_pool2d", "_adaptive_avg_pool3d"],
        adaptive_avg_pool,
    ),
    **arguments([f"adaptive_max_pool{n}d" for n in (1, 2, 3)], adaptive_max_pool),
    **arguments(
        [f"upsample_nearest{n}d" for n in (1, 2, 3)]
        + [f"_upsample_nearest_exact{n}d" for n in (1, 2, 3)]
        + ["upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d"],
        resized,
    ),
}
