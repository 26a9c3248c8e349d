"""A readable table of a Hessian."""

from __future__ import annotations

from collections.abc import Iterator

from landscape.records import Hessian

# Eigenvalues written at each end.
MOST_ROWS = 20


def hessian_table(record: Hessian) -> str:
    """Write a Hessian's summary, one line for each number with its error."""
    rows = list(hessian_lines(record))
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)


def hessian_lines(record: Hessian) -> Iterator[tuple[str, str]]:
    """Give label and text of each line."""
    settings = record.settings
    what = f"{settings['model_name']}, {settings['parameters']:,} parameters"
    what += f" of node {settings['node']}" if settings["node"] else ""
    what += f", {settings['split']} loss" if settings["split"] else ""
    matrix = f"{settings.get('operator', 'hessian')}" + (
        " seen by Adam" if settings.get("precondition") else ""
    )
    yield matrix, f"{what}, {settings['method']}, {settings['dtype']}, {settings['device']}"
    yield from eigenvalue_lines(record)
    if len(record.eigenvalues):
        yield "orthogonality", f"max |VᵀV − I| = {record.orthogonality:.1e}"
    for name in ("trace", "frobenius"):
        if name in record.estimates:
            value, error = record.estimates[name]
            yield (
                name,
                f"{value:.8g} " + (f"± {error:.2g} (one standard error)" if error else "(summed exactly)"),
            )
    if record.density:
        vectors, steps = record.density["nodes"].shape
        yield "density", f"{steps} Lanczos steps from {vectors} random vectors"
    for name, values, errors in zip(
        record.node_names, record.node_eigenvalues, record.node_errors, strict=True
    ):
        yield f"node {name}", f"{value_text(values[0], errors[0])} to {value_text(values[1], errors[1])}"
    yield from difference_lines(record)
    yield "work", f"{record.products:,} products, {record.seconds:.2f} s"


def eigenvalue_lines(record: Hessian) -> Iterator[tuple[str, str]]:
    """Give a line for each eigenvalue, the largest first, leaving out the middle of many."""
    count = len(record.eigenvalues)
    top = count if record.settings["all"] else min(count, record.settings["top"])
    pairs = list(zip(record.eigenvalues, record.errors, strict=True))
    shown = min(top, MOST_ROWS)
    for rank, (value, error) in enumerate(pairs[::-1][:shown], start=1):
        yield f"largest {rank}", value_text(value, error)
    if record.settings["all"]:
        negative = sum(value + error < 0 for value, error in pairs)
        positive = sum(value - error > 0 for value, error in pairs)
        zero = count - negative - positive
        yield "signs", f"{positive} positive, {negative} negative beyond the error, {zero} within it"
    rest = min(count - shown if record.settings["all"] else count - top, MOST_ROWS)
    for rank, (value, error) in enumerate(pairs[:rest], start=1):
        yield f"smallest {rank}", value_text(value, error)


def difference_lines(record: Hessian) -> Iterator[tuple[str, str]]:
    """Say how accurate finite differences were."""
    step = record.settings.get("finite_difference")
    if step is None:
        return
    if "finite_difference" in record.estimates:
        value, error = record.estimates["finite_difference"]
        yield "differences", f"{value:.2g} of ‖H‖ from exact; their own spread says {error:.2g}"
    yield "step", f"{step['step']:.2g}, order {step['order']}"
    crossed, cured = record.kinks
    if crossed:
        left = crossed - cured
        text = f"{crossed} differences crossed a kink, {cured} did not with a smaller step"
        yield "kinks", text + (f"; {left} still do: the spread is no bound there" if left else "")
        if step.get("units"):
            yield "", f"at {', '.join(step['units'])}"


def value_text(value: float, error: float) -> str:
    """Write a value and its error."""
    return f"{value: .8g} ± {error:.1e}"
