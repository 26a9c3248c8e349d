"""The famous figure: a thin ResNet-56 with and without its skips, scanned and compared on one scale; and the depth from which the other is chaotic.

Trains the networks of `networks_train.py` deeper, 6n + 2 layers of widths 8, 16 and 32 on Fashion-MNIST halved to 14 × 14, as He and others (2016) build
them, imports and scans them along two random filter-normalized directions (Li and others, 2018), and counts the basins of each slice. It is called chaotic
here where it has more than one basin inside of the window that lasts: persistence above 1 % of the median's height above the minimum, and above its error.
Where the deepest network without skips is not, deeper ones are trained until one is, or the depths end; the answer is printed either way.

    python benchmarks/skips.py FOLDER [--images DIR] [--depths 20,56,110] [--epochs 10] [--points 51] [--span 1]

Both trainings and both scans of 56 layers took 17 minutes of CPU time on a 2-core AMD EPYC of family 25. FOLDER keeps networks and scans, so the same
command goes on where it was cut short. How PyTorch rounds its sums depends on the number of threads, so that other networks may come out:
those of figures/ were made with OMP_NUM_THREADS=1. At the end it writes
FOLDER/skips.contour.png and FOLDER/skips.surface.png with FOLDER/skips.caption.txt, by the same function as
`landscape plot A.npz B.npz --titles … --scale log`, whose command it prints.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from networks_train import SEED, WIDTHS, Block, images, train
from torch import nn
from torch.nn import functional

import landscape

EXAMPLES, RATE = 512, 3e-3
# Of Debian's package dataset-fashion-mnist.
IMAGES = Path("/usr/share/datasets/fashion-mnist")


class Deep(nn.Module):
    """6n + 2 layers, thin, with skips or without."""

    def __init__(self, blocks: int, skip: bool) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, WIDTHS[0], 3, 1, 1, bias=False), nn.BatchNorm2d(WIDTHS[0])
        pairs = zip((WIDTHS[0], *WIDTHS[:-1]), WIDTHS, strict=True)
        self.blocks = nn.Sequential(
            *(Block(a if i == 0 else b, b, skip) for a, b in pairs for i in range(blocks))
        )
        self.fc = nn.Linear(WIDTHS[-1], 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.blocks(functional.relu(self.bn(self.conv(x)))).mean([2, 3]))


def network(depth: int, skip: bool, options: argparse.Namespace) -> landscape.Model:
    """Train and import a network, or load the one that an earlier run left."""
    path = options.folder / f"resnet{depth}_{'skips' if skip else 'plain'}.npz"
    if path.exists():
        return landscape.load_model(path)
    begun = time.perf_counter()
    x, y = images(options.images, "train", options.train)
    held_x, held_y = images(options.images, "t10k", EXAMPLES)
    torch.manual_seed(SEED)
    module = train(Deep((depth - 2) // 6, skip), x, y, options.epochs, RATE)
    data = {"x_train": x[:EXAMPLES], "y_train": y[:EXAMPLES], "x_test": held_x, "y_test": held_y}
    model = landscape.from_torch(module, "cross_entropy", data, name=path.stem)
    landscape.save_model(model, path)
    print(f"{path.stem}: trained in {time.perf_counter() - begun:.0f} s", flush=True)
    return landscape.load_model(path)


def scanned(depth: int, skip: bool, options: argparse.Namespace) -> landscape.Scan:
    """Scan a network, say how many basins the slice has, and return the record."""
    model = network(depth, skip, options)
    path = options.folder / f"{model.name}.scan.npz"
    record = landscape.scan(
        model, split="train", points=options.points, span=options.span, seed=SEED, output=path
    )
    told = landscape.analyze_topology(record).summary()
    losses = {split: value.loss for split, value in landscape.evaluate_model(model).items()}
    words = ", ".join(f"{split} loss {loss:.4f}" for split, loss in losses.items())
    print(
        f"{model.name}: {model.size:,} parameters, {words}; slice from {told_range(record)}; "
        f"{len(told['basins'])} basins inside, {len(told['open_basins'])} open, total persistence {told['total_persistence']:.4g}, "
        f"{'resolved' if told['resolved'] else 'not resolved by this grid'}",
        flush=True,
    )
    return record


def told_range(record: landscape.Scan) -> str:
    """Say the lowest and the highest loss of a slice."""
    told = record.summary()
    return f"{told['minimum']['value']:.4g} to {told['maximum']['value']:.4g}, {told['diverged']} points diverged"


def basins(record: landscape.Scan) -> int:
    """Count the basins inside of the window that last; open ones are no evidence."""
    return len(landscape.analyze_topology(record).summary()["basins"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--images",
        type=Path,
        default=IMAGES,
        help="the folder of Fashion-MNIST's four files, by default that of Debian's package",
    )
    parser.add_argument(
        "--depths", default="20,56,110", help="layers, each 6n + 2, tried until one without skips is chaotic"
    )
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--train", type=int, default=6000, help="examples to train on")
    parser.add_argument("--points", type=int, default=51)
    parser.add_argument("--span", type=float, default=1.0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    depths = [int(depth) for depth in options.depths.split(",")]
    if any(depth < 8 or (depth - 2) % 6 for depth in depths):
        raise SystemExit(
            f"--depths: expected numbers of layers 6n + 2, such as 20 or 56, found {options.depths}"
        )
    for depth in depths:
        pair = {f"{depth} layers with skips": scanned(depth, True, options), f"{depth} layers without": scanned(depth, False, options)}  # fmt: skip
        chaotic = basins(pair[f"{depth} layers without"]) > 1
        print(f"without skips {depth} layers are {'chaotic' if chaotic else 'not chaotic'} on this slice")
        if chaotic:
            break
    else:
        print(f"no depth of {options.depths} is chaotic: the figure shows the deepest")
    files = landscape.save_comparison(
        list(pair.values()),
        options.folder / "skips",
        titles=list(pair),
        look=landscape.Look(scale="log", width="double"),
        fresh=True,
    )
    names = " ".join(f"{options.folder}/resnet{depth}_{kind}.scan.npz" for kind in ("skips", "plain"))
    titles = ",".join(pair)
    print(f'landscape plot {names} --titles "{titles}" --scale log --width double -o {options.folder}/skips')
    print("wrote", ", ".join(map(str, files)))


if __name__ == "__main__":
    main()
