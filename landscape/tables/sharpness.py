"""A readable table of measures of sharpness, and whether a rescaling test agrees with theory."""

from __future__ import annotations

from landscape.records import Sharpness

LEVELS = ("layer", "neuron")


def sharpness_table(record: Sharpness) -> str:
    """Write the measures, a line each: value and error, the other model's, what rescaling does."""
    settings = record.settings
    tested = [level for level in LEVELS if level in record.beside]
    head = ["measure", "value"]
    if "other" in record.beside:
        head.append(str(settings.get("compare_name") or "other"))
    head += [f"{level}s rescaled" if tested else f"by {level}" for level in (tested or LEVELS)]
    rows = [head] + [[name, *cells(record, name, tested)] for name in record.measures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    first = f"sharpness of {settings.get('model_name', 'function')}, without weight decay"
    first += f", {settings['split']} loss" if settings.get("split") else ""
    first += f", {settings['device']}" if settings.get("device") else ""
    last = (
        "rescaled: factor of the change; the function is the same"
        if tested
        else "by layer, neuron: whether rescaling a ReLU network changes it (in theory; --rescaling-test measures it)"
    )
    left = [f"not assessed: {name}, which {why}" for name, why in settings.get("not_assessed", {}).items()]
    return "\n".join([first, *lines, *left, last, f"{record.seconds:.2f} s"])


def cells(record: Sharpness, name: str, tested: list[str]) -> list[str]:
    """Write the columns of one measure."""
    found = [value_text(*record.measures[name])]
    if "other" in record.beside:
        found.append(value_text(*record.beside["other"][name]))
    if tested:
        return found + [change_text(record, level, name) for level in tested]
    invariant = record.settings["measures"][name]["invariant"]
    return found + ["unchanged" if invariant[level] else "changed" for level in LEVELS]


def change_text(record: Sharpness, level: str, name: str) -> str:
    """Say what rescaling did to a measure.

    Its factor where it changed; a measure that was zero has none.
    """
    if record.verdict(level, name):
        return "unchanged"
    before, after = record.measures[name][0], record.beside[level][name][0]
    return f"×{after / before:.3g}" if before else f"0 to {after:.3g}"


def surprises(record: Sharpness) -> list[str]:
    """List where a rescaling test disagrees with theory, including a control that did not change."""
    found = []
    for level in LEVELS:
        for name in record.beside.get(level, {}):
            expected = record.settings["measures"][name]["invariant"][level]
            if record.verdict(level, name) != expected:
                word = "unchanged" if expected else "changed"
                found.append(
                    f"{name} was expected to be {word} by rescaling each {level}: {change_text(record, level, name)}"
                )
    return found


def value_text(value: float, error: float) -> str:
    """Write a value and its error."""
    return f"{value:.5g} ± {error:.1g}"
