"""The barrier between two trainings against width, before and after alignment and with REPAIR: digits networks and LeNets on Fashion-MNIST.

    python benchmarks/barriers.py FOLDER --images DIR [--kinds digits,lenet] [--widths 32,64,1024:2] [--pairs 5]

Digits networks have one hidden layer, as the gallery's figure `valleys` has, but up to 1,024 units. LeNets (PyTorch, 6,000 images halved to 14 × 14)
have W/8 and W/4 channels and W units. Both networks of a pair have starts and orders of batches of their own. FOLDER keeps networks and records, so
that the same command goes on where it was cut short; `1024:2` asks for two pairs of that width, whose training takes longest. Printed are median and
range over pairs of the training loss's barrier, and the accuracy that is lost on test data; the figure is written to figures/barriers.png.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from networks_train import images, train
from torch import nn

import landscape
from landscape.gallery.drawing import BLACK, BLUE, DASHED, DOTTED, ORANGE, PAGE, panels
from landscape.gallery.valleys import trained

WIDTHS = {"digits": "8,16,32,64,128,256,512,1024", "lenet": "32,64,128,256,512,1024"}
TITLES = {"digits": "digits, one hidden layer", "lenet": "Fashion-MNIST, LeNet"}
LABELS = {"digits": "units of the hidden layer", "lenet": "units of the dense layer"}
TRAIN, KEPT, EPOCHS, RATE, STEPS, PLACES = 6000, 500, 6, 2e-3, 900, 13
WAYS = ("before alignment", "after alignment", "after alignment, with REPAIR")
DEFAULT = Path(__file__).parent.parent / "figures" / "barriers.png"


def lenet(wide: int) -> nn.Module:
    """LeNet-5 for 14 × 14 images with ReLU, its widths by that of the dense layer."""
    first, second = wide // 8, wide // 4
    return nn.Sequential(
        nn.Conv2d(1, first, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(first, second, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4 * second, wide), nn.ReLU(), nn.Linear(wide, 10),
    )  # fmt: skip


def lenets(wide: int, count: int, options: argparse.Namespace) -> list[landscape.Model]:
    """Train and import as many LeNets of one width, or load those that an earlier run left."""
    x, y = images(options.images, "train", TRAIN)
    held_x, held_y = images(options.images, "t10k", KEPT)
    data = {"x_train": x[:KEPT], "y_train": y[:KEPT], "x_test": held_x, "y_test": held_y}
    found = []
    for seed in range(count):
        path = options.folder / f"lenet{wide}_{seed}.npz"
        if not path.exists():
            torch.manual_seed(seed)
            module = train(lenet(wide), x, y, EPOCHS, RATE, seed)
            landscape.save_model(landscape.from_torch(module, "cross_entropy", data, name=path.stem), path)
        found.append(landscape.load_model(path))
    return found


def models_of(kind: str, wide: int, count: int, options: argparse.Namespace) -> list[landscape.Model]:
    """Give the networks of one kind and width."""
    return trained(wide, count, STEPS) if kind == "digits" else lenets(wide, count, options)


def widths_of(kind: str, options: argparse.Namespace) -> dict[int, int]:
    """Give how many pairs each width has."""
    asked = (one.partition(":") for one in (options.widths or WIDTHS[kind]).split(","))
    return {int(wide): int(pairs or options.pairs) for wide, _, pairs in asked}


def heights(kind: str, wide: int, pairs: int, options: argparse.Namespace) -> dict[str, Any]:
    """Connect all pairs of one width; return barriers and drops of accuracy for each kind of path, and seconds for each part."""
    path = options.folder / f"{kind}{wide}.json"
    if path.exists():
        kept = dict(json.loads(path.read_text()))
        if all(len(values) == pairs for values in kept["barrier"].values()):
            return kept
    begun = time.perf_counter()
    models = models_of(kind, wide, 2 * pairs, options)
    middle = time.perf_counter()
    found: dict[str, Any] = {"barrier": {way: [] for way in WAYS}, "accuracy": {way: [] for way in WAYS}}
    for k in range(pairs):
        told = landscape.connect(
            models[2 * k : 2 * k + 2], align=True, repair=True, alphas=PLACES, threads=options.threads,
            output=options.folder / f"{kind}{wide}_{2 * k}-{2 * k + 1}.npz",
        ).summary()  # fmt: skip
        for way, path_told in zip(WAYS, (told, told["aligned"], told["aligned"]["repair"]), strict=True):
            found["barrier"][way].append(path_told["barrier"]["value"])
            found["accuracy"][way].append(path_told["test"]["accuracy"]["value"])
    found["seconds"] = {"training": middle - begun, "connecting": time.perf_counter() - middle}
    losses = [landscape.evaluate_model(model)["test"] for model in models]
    found["accuracy_alone"] = float(np.mean([one.accuracy for one in losses]))
    path.write_text(json.dumps(found))
    return found


def tell(kind: str, wide: int, found: dict[str, Any]) -> None:
    """Print one row of the table of barriers."""
    words = [
        f"{way} {np.median(values):.4f} ({min(values):.4f} to {max(values):.4f}), test accuracy −{100 * np.median(found['accuracy'][way]):.1f} %"
        for way, values in found["barrier"].items()
    ]
    seconds = found["seconds"]
    print(
        f"{kind} {wide}: alone {100 * found['accuracy_alone']:.1f} %; {'; '.join(words)}; "
        f"training {seconds['training']:.0f} s, connecting {seconds['connecting']:.0f} s",
        flush=True,
    )


def drawn(ax: Axes, kind: str, rows: dict[int, dict[str, Any]]) -> None:
    """Draw median and range of the barriers of one kind against width."""
    looks: dict[str, dict[str, Any]] = dict(
        zip(
            WAYS,
            (
                {"color": BLACK, "marker": "o"},
                {"color": ORANGE, "marker": "s", "linestyle": DASHED},
                {"color": BLUE, "marker": "^", "linestyle": DOTTED},
            ),
            strict=True,
        )
    )
    widths = np.array(sorted(rows))
    for way, look in looks.items():
        values = [rows[int(wide)]["barrier"][way] for wide in widths]
        ax.plot(widths, [np.median(one) for one in values], markersize=3.5, label=way, **look)
        ax.fill_between(
            widths, [min(one) for one in values], [max(one) for one in values], color=look["color"], alpha=0.16, linewidth=0
        )  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths, [str(wide) for wide in widths])
    ax.set_yscale("log")
    ax.set(xlabel=LABELS[kind], ylabel="barrier of the training loss (nats)")
    counts = {wide: len(rows[wide]["barrier"][WAYS[0]]) for wide in rows}
    fewer = [
        f"{count} {'pair' if count == 1 else 'pairs'} at {wide:,}"
        for wide, count in counts.items()
        if count < max(counts.values())
    ]
    ax.set_title(TITLES[kind] + (f" ({', '.join(fewer)})" if fewer else ""))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--kinds", default="digits,lenet")
    parser.add_argument("--widths", help="of all kinds, or WIDTH:PAIRS; by default 8 to 1,024 for digits, 32 to 1,024 for LeNets")  # fmt: skip
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--output", type=Path, default=DEFAULT)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    kinds = options.kinds.split(",")
    with landscape.style():
        figure, axes = panels(len(kinds), width=PAGE, height=2.8, squeeze=False)
        figure.suptitle(
            f"Barrier between two trainings: median and range of {options.pairs} pairs", fontsize=9
        )
    for ax, kind in zip(axes[0], kinds, strict=True):
        rows = {}
        for wide, pairs in widths_of(kind, options).items():
            rows[wide] = heights(kind, wide, pairs, options)
            tell(kind, wide, rows[wide])
        with landscape.style():
            drawn(ax, kind, rows)
    with landscape.style():
        axes[0][-1].legend()
        figure.savefig(options.output, dpi=200, metadata={"Software": None})
    print("wrote", options.output)


if __name__ == "__main__":
    main()
