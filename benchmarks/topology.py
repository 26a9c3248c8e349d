"""How long the topology of a scanned surface takes, beside gudhi and landscaper where they are installed.

Required: 51 × 51 points in less than 2 ms, a million in less than a second, each with the pairs, the tree and a label for every point. Times are
those of the processor, since one thread does it all: the best of some turns in one process, ratios within one run.
gudhi computes all dimensions of homology and no labels. landscaper (1.3.1; Berkeley Lab) takes the points for scattered ones and makes a graph
of them first (`nglpy`, an empty-region graph): its merge tree of minima is timed, and beside it the Morse-Smale complex that it takes persistence
from. It is measured once for each surface, up to 51 × 51 points, since it takes seconds to minutes.

    python benchmarks/topology.py [--turns 5]
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.topology import maxima_of, merge_tree

SHAPES = ((51, 51), (201, 201), (1000, 1000), (100, 100, 100))
MOST = {(51, 51): 2e-3, (1000, 1000): 1.0, (100, 100, 100): 1.0}


def surfaces(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Make noise, of which a third are minima, and a smooth surface with some dozen basins."""
    grid = np.meshgrid(*[np.linspace(-3, 3, count) for count in shape], indexing="ij")
    return {
        "noise": np.random.default_rng(0).normal(size=shape),
        "smooth": sum((np.cos(5 * x) + 0.3 * x**2 for x in grid), np.zeros(shape)),
    }


def once(work: Callable[[], Any]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def best(work: Callable[[], Any], turns: int) -> float:
    work()
    times = []
    for _ in range(turns):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def by_gudhi(values: np.ndarray) -> None:
    import gudhi

    gudhi.CubicalComplex(vertices=values).persistence(homology_coeff_field=2, min_persistence=0)


def by_landscaper(values: np.ndarray) -> None:
    landscaper_of(values).get_sublevel_tree()


def by_landscapers_complex(values: np.ndarray) -> None:
    landscaper_of(values).get_persistence()


def landscaper_of(values: np.ndarray) -> Any:
    from landscaper.landscape import LossLandscape

    # Its first axis is the columns', as numpy.meshgrid has it.
    return LossLandscape(values.T.copy(), [np.linspace(-1, 1, count) for count in values.shape])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    others: dict[str, Callable[[np.ndarray], None]] = {}
    if importlib.util.find_spec("gudhi"):
        others["gudhi"] = by_gudhi
    if importlib.util.find_spec("landscaper"):
        others |= {"landscaper": by_landscaper, "landscaper's persistence": by_landscapers_complex}
    failed = []
    for shape in SHAPES:
        for name, values in surfaces(shape).items():
            tree = best(lambda values=values: merge_tree(values), turns)
            both = tree + best(lambda values=values: maxima_of(values), turns)
            line = f"{' x '.join(map(str, shape)):>15} {name:7} merge tree {tree * 1e3:9.3f} ms, with maxima {both * 1e3:9.3f} ms"
            for other, work in others.items():
                slow = other.startswith("landscaper")
                if slow and (len(shape) != 2 or values.size > 3000):
                    continue
                if slow:
                    theirs = once(lambda values=values, work=work: work(values))
                else:
                    theirs = best(
                        lambda values=values, work=work: work(values), 1 if values.size > 1e5 else turns
                    )
                line += f", {other} {theirs * 1e3:9.1f} ms ({theirs / both:.0f} times)"
            print(line)
            if shape in MOST and both > MOST[shape]:
                failed.append(f"{shape} {name}: {both:.4f} s, required below {MOST[shape]} s")
    print("\n".join(failed) or "all within what is required")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
