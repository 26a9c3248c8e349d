"""The output of `landscape scan`: a table or one JSON object on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape.directions import DirectionCheck
    from landscape.records import Scan
    from landscape.scanning import Plan

# What the summary of a scan tells of its topology.
TOLD = ("basins", "open_basins", "depth_of_center", "threshold", "resolved")


class ScanReport:
    """The output of one run, which gets the plan by its method `planned`."""

    def __init__(self, save_directions: Path | None, say: Callable[[str], object]) -> None:
        self.save_directions, self.say = save_directions, say
        self.plan: Plan | None = None
        if save_directions is not None:
            from landscape.directions import require_no_other

            require_no_other(save_directions)

    def planned(self, plan: Plan) -> None:
        """Note the plan, and save the directions if asked for, before the work."""
        self.plan = plan
        if self.save_directions is not None:
            from landscape.directions import save_directions

            save_directions(self.save_directions, plan.directions.vectors)
            self.say(f"wrote {self.save_directions}")

    def json(self, record: Scan, files: Sequence[Path]) -> str:
        """Write the summary, with the directions and their check beside what every scan's summary has."""
        from landscape.topology import surface_of

        assert self.plan is not None
        directions = self.plan.directions
        told = {"directions": list(directions.labels), "check": directions.check.summary(), "topology": None}
        found = surface_of(record)
        if found is not None:
            summary = found.summary()
            told["topology"] = {name: summary[name] for name in TOLD}
        return json.dumps({**record.summary(files), **told}, allow_nan=False)

    def table(self, record: Scan) -> str:
        """Write the summary for people."""
        from landscape.tables.topology import headline
        from landscape.topology import surface_of

        assert self.plan is not None
        summary = record.summary()
        name = record.settings["model_name"]
        found = surface_of(record)
        rows = [
            (
                "scan",
                f"{name}, {' x '.join(map(str, record.shape))} points, {record.settings['dtype']}, {record.settings['device']}",
            ),
            *(("axis " + str(index + 1), text) for index, text in enumerate(axes(record))),
            ("check", checked(self.plan.directions.check)),
            *((f"center, {split}", values(of)) for split, of in summary["center"].items()),
            *((f"end, {split}", end_values(of)) for split, of in summary.get("end", {}).items()),
            ("minimum", extreme(summary["minimum"], summary["quantity"])),
            ("maximum", extreme(summary["maximum"], summary["quantity"])),
            *([] if found is None else [("surface", headline(found))]),
            ("diverged", f"{summary['diverged']} of {summary['points']} points"),
            ("time", f"{record.seconds:.2f} s, {summary['points_per_second'] or 0:,.0f} points/s"),
        ]
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)


def axes(record: Scan) -> Iterator[str]:
    """Say for each axis its range and its direction."""
    for axis, label in zip(record.axes, record.settings["directions"], strict=True):
        yield f"{axis[0]:g}:{axis[-1]:g} along {label}"


def checked(check: DirectionCheck) -> str:
    """Write the checks of the directions in one line."""
    parts = []
    if check.filter_ratio is not None and check.filter_deviation is not None:
        low, high = check.filter_ratio
        exact = check.filter_deviation < 1e-6
        parts.append(
            f"rows of the directions have the norms of the network's rows (to {check.filter_deviation:.0e})"
            if exact
            else f"rows of the directions have {low:.3g} to {high:.3g} times the norms of the network's rows"
        )
    if check.cosine is not None:
        parts.append(f"cosine of the directions {check.cosine:.2g}")
    parts.append(f"parameters that do not move {', '.join(f'{share:.1%}' for share in check.zeroed)}")
    return "; ".join(parts)


def values(of: dict[str, Any]) -> str:
    """Write a split's loss and accuracy."""
    return ", ".join(f"{name} {number(value)}" for name, value in of.items())


def end_values(of: dict[str, Any]) -> str:
    """Write the values of the model at the other end, and whether those of the line differ there."""
    own = values({name: value for name, value in of.items() if name != "on_the_line"})
    if "on_the_line" not in of:
        return own
    return f"{own}, by itself; the line ends at loss {number(of['on_the_line'])}: not all of that model moves along"


def extreme(found: dict[str, Any] | None, quantity: str) -> str:
    """Write a minimum or a maximum and where it is."""
    if found is None:
        return "none: no point is finite"
    at = ", ".join(f"{coordinate:g}" for coordinate in found["at"])
    return f"{quantity} {number(found['value'])} at ({at})"


def number(value: float | None) -> str:
    """Write a number that may not be finite."""
    return "not finite" if value is None else f"{value:.6g}"
