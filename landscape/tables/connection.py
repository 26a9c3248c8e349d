"""A readable table of the paths between minima."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from landscape.records import Connection
from landscape.tables.critical import laid_out, told_device

WORDS = {
    "barrier": "above the line between the ends' losses",
    "barrier_mean_ends": "above their mean",
    "barrier_max_end": "above the higher end",
}
NAMES = {"repair": "line with REPAIR", "bezier": "Bézier curve", "polychain": "chain of straight pieces", "band": "elastic band"}  # fmt: skip
LEAVES_OUT = (
    "a low path through many parameters need not lie in any plane that can be drawn, and a line or a curve that rises does not mean that "
    "no lower one exists"
)


def connection_table(record: Connection) -> str:
    """Write the verdict on every pair with its evidence."""
    return laid_out(list(connection_lines(record)))


def connection_lines(record: Connection) -> Iterator[tuple[str, str]]:
    """Give label and text of each line."""
    settings = record.settings
    words = [
        str(settings["model_name"]),
        f"{record.theta.shape[1]:,} parameters",
        str(settings["dtype"]),
        *told_device(settings),
    ]
    yield "connection", ", ".join(words)
    for end in record.report["ends"]:
        yield end["name"], end_words(end)
    for pair in record.report["pairs"]:
        yield from pair_lines(record, pair)
    for edge in record.report.get("tree") or []:
        yield (
            "lowest pass",
            f"{record.names[edge['from']]} to {record.names[edge['to']]}: {edge['height']:.6g}",
        )
    yield "left out", LEAVES_OUT


def end_words(end: dict[str, Any]) -> str:
    """Describe one end: its own losses and accuracies."""
    words = []
    for split in ("train", "test"):
        if f"{split}_loss" in end:
            accuracy = end.get(f"{split}_accuracy")
            more = "" if accuracy is None else f", accuracy {accuracy:.4g}"
            words.append(f"{split} loss {number(end[f'{split}_loss'])}{more}")
    return "; ".join(words)


def pair_lines(record: Connection, pair: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the lines of two ends."""
    one, other = record.names[pair["from"]], record.names[pair["to"]]
    yield (
        "from, to",
        f"{one}, {other}: {pair['distance']:.4g} apart; a barrier counts from {0.02 * pair['scale']:.3g} on",
    )
    yield from path_lines("line", pair)
    aligned = pair.get("aligned")
    if aligned:
        yield from path_lines("line, units aligned", aligned)
        yield "alignment", alignment_words(aligned)
        if aligned.get("repair"):
            yield from path_lines("aligned, with REPAIR", aligned["repair"])
    for name, curve in pair["curves"].items():
        yield from path_lines(NAMES.get(name, name), curve)
        if curve.get("length") is not None:
            ends = curve.get("ends_recomputed")
            more = "" if not ends else f"; with recomputed statistics the ends have {ends[0]:.6g} and {ends[1]:.6g}"  # fmt: skip
            yield (
                "",
                f"{curve['length']:.3g} times as long as the line, at most {curve['away']:.3g} away from it{more}",
            )
    if pair.get("saddle"):
        yield "saddle", saddle_words(pair["saddle"])
        for side in pair["saddle"].get("sides", ()):
            yield "", side_words(side, record.names)


def path_lines(name: str, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the lines of one path."""
    yield name, f"{found['connected']}: {', '.join(heights(found))}"
    accuracy = found.get("accuracy")
    if accuracy is not None:
        yield "", f"accuracy falls by {height(accuracy)} at {accuracy['at']:.3f}"
    if found.get("test"):
        yield "", f"test: {', '.join(heights(found['test']))}"


def heights(found: dict[str, Any]) -> list[str]:
    """Write the three barriers."""
    first = f"{height(found['barrier'])} {WORDS['barrier']}, at {found['barrier']['at']:.3f}"
    return [first, *(f"{height(found[name])} {WORDS[name]}" for name in list(WORDS)[1:])]


def height(barrier: dict[str, Any]) -> str:
    """Write a height with its error."""
    if barrier["value"] is None:
        return "infinite"
    error = barrier["error"]
    if error is None:
        return f"{barrier['value']:.4g} (error not known)"
    return f"{barrier['value']:.4g}" + (f" ± {error:.2g}" if error else "")


def number(value: float | None) -> str:
    """Write a loss."""
    return "not finite" if value is None else f"{value:.6g}"


def alignment_words(aligned: dict[str, Any]) -> str:
    """Say what the alignment did."""
    groups = "1 group" if aligned["groups"] == 1 else f"{aligned['groups']} groups"
    words = (
        f"by {aligned['method']}: {aligned['moved']} of {aligned['units']} units in {groups} moved; distance "
        f"{aligned['distance_before']:.4g} → {aligned['distance_after']:.4g}; outputs agree to {aligned['agreement']:.1g}"
    )
    stays = "; ".join(f"the units at '{node}' stay: {why}" for node, why in aligned["stays"].items())
    return f"{words}; {stays}" if stays else words


def saddle_words(saddle: dict[str, Any]) -> str:
    """Say how high the saddle is, and whether that is certified."""
    error = f" ± {saddle['error']:.2g}" if saddle["error"] else ""
    above = "" if saddle["above"] is None else f", {saddle['above']:.6g}{error} above the higher end"
    kind = f"certified, index {saddle['index']}" if saddle["certified"] else "not certified"
    return f"{kind}: loss {saddle['height']:.6g}{above}: {saddle['reason']}"


def side_words(side: dict[str, Any], names: Sequence[str]) -> str:
    """Say in which minimum a descent from the saddle ends.

    >>> side_words({"to": None, "reordered": False, "loss": 0.25, "distance": 3.0}, ("a", "b"))
    'one descent ends in neither of the two minima: at loss 0.25, at a distance of 3 from the nearer one'
    """
    if side["to"] is None:
        return f"one descent ends in neither of the two minima: at loss {side['loss']:.6g}, at a distance of {side['distance']:.3g} from the nearer one"
    units = " with its units in another order" if side["reordered"] else ""
    return f"one descent ends in the minimum of {names[side['to']]}{units}: at loss {side['loss']:.6g}"
