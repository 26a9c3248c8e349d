"""Train small networks of each kind with PyTorch and import them: `python benchmarks/networks_train.py FOLDER --images DIR`.

Writes FOLDER/<network>.npz for LeNet with and without batch norm, a thin ResNet-20 with and without its skips (He et al. 2016,
widths 8, 16, 32, shortcuts without parameters), a causal transformer and a network of `conv1d` on MNIST-1D (`mnist1d.py`). Images are
Fashion-MNIST's (Xiao et al. 2017, MIT license), read from DIR as Debian's `dataset-fashion-mnist` has them, halved to 14×14 by averaging; the
text is the source of Python's argparse. Minutes on two cores, and the same seeds give the same networks on the same machine.
`--small DIR` also writes those that are bundled, with fewer examples.
"""

from __future__ import annotations

import argparse
import gzip
import inspect
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mnist1d import make_examples
from torch import nn
from torch.nn import functional

import landscape

SEED = 0
TRAIN, TEST = 6000, 1000
KEPT_TRAIN, KEPT_TEST = 512, 512
WIDTHS = (8, 16, 32)
LENGTH, WIDTH, LETTERS = 32, 48, 40_000
SIGNALS, SIGNALS_TRAIN = 5000, 4000
SMALL_TRAIN, SMALL_TEST = 256, 128
BUNDLED = ("lenet", "lenet_bn", "transformer", "signals")


def images(folder: Path, kind: str, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Read the first images and labels of Fashion-MNIST, halved and scaled to 0 … 1."""
    pixels = gzip.decompress((folder / f"{kind}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{kind}-labels-idx1-ubyte.gz").read_bytes())
    x = np.frombuffer(pixels, np.uint8, count * 784, 16).reshape(count, 14, 2, 14, 2)
    y = np.frombuffer(labels, np.uint8, count, 8)
    halved = x.mean((2, 4), dtype=np.float64) / 255
    return torch.tensor(halved[:, None], dtype=torch.float32), torch.tensor(y, dtype=torch.int64)


class Block(nn.Module):
    """Two convolutions with batch norm, beside a skip or not."""

    def __init__(self, channels: int, wide: int, skip: bool) -> None:
        super().__init__()
        self.stride, self.more, self.skip = (1 if channels == wide else 2), (wide - channels) // 2, skip
        self.conv1 = nn.Conv2d(channels, wide, 3, self.stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(wide)
        self.conv2 = nn.Conv2d(wide, wide, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(wide)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        if self.skip:
            if self.stride > 1:
                x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more, self.more))
            out = out + x
        return functional.relu(out)


class ResNet(nn.Module):
    """ResNet-20, thin; without its skips a plain network of 20 layers."""

    def __init__(self, skip: bool) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, WIDTHS[0], 3, 1, 1, bias=False), nn.BatchNorm2d(WIDTHS[0])
        before = (WIDTHS[0], *WIDTHS[:-1])
        self.blocks = nn.Sequential(
            *(
                Block(a if i == 0 else b, b, skip)
                for a, b in zip(before, WIDTHS, strict=True)
                for i in range(3)
            )
        )
        self.fc = nn.Linear(WIDTHS[-1], 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.blocks(functional.relu(self.bn(self.conv(x)))).mean([2, 3]))


def lenet(batch_norm: bool) -> nn.Module:
    """LeNet-5 for 14×14 images, with ReLU."""

    def norm(channels: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(channels)] if batch_norm else []

    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), *norm(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 3), *norm(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10),
    )  # fmt: skip


def signal_network() -> nn.Module:
    """The convolutional network of the paper on MNIST-1D: three layers of 25 channels, each of stride 2."""
    return nn.Sequential(
        nn.Conv1d(1, 25, 5, 2, 1), nn.ReLU(), nn.Conv1d(25, 25, 3, 2, 1), nn.ReLU(),
        nn.Conv1d(25, 25, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(125, 10),
    )  # fmt: skip


class Transformer(nn.Module):
    """Two causal layers over characters."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embed, self.place = (
            nn.Embedding(vocabulary, WIDTH),
            nn.Parameter(0.02 * torch.randn(LENGTH, WIDTH)),
        )
        layer = nn.TransformerEncoderLayer(
            WIDTH, 4, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, vocabulary)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(LENGTH))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.embed(ids) + self.place, mask=self.mask, is_causal=True))


def text() -> tuple[torch.Tensor, torch.Tensor, int]:
    """Cut the source of Python's argparse into sequences of characters, each with the characters that follow."""
    letters = inspect.getsource(argparse)[:LETTERS]
    known = sorted(set(letters))
    ids = torch.tensor([known.index(letter) for letter in letters])
    starts = range(0, len(ids) - LENGTH - 1, LENGTH)
    x = torch.stack([ids[s : s + LENGTH] for s in starts])
    y = torch.stack([ids[s + 1 : s + LENGTH + 1] for s in starts])
    return x, y, len(known)


def train(
    module: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int, rate: float, seed: int = SEED
) -> nn.Module:
    """Train with Adam and a cosine schedule, in batches of 64 whose order the seed draws."""
    optimizer = torch.optim.Adam(module.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    generator = torch.Generator().manual_seed(seed)
    module.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(64):
            optimizer.zero_grad()
            output = module(x[rows])
            functional.cross_entropy(output.flatten(0, -2), y[rows].flatten()).backward()
            optimizer.step()
        schedule.step()
    return module.eval()


def save(options: argparse.Namespace, name: str, module: nn.Module, data: dict[str, torch.Tensor], start: float) -> None:  # fmt: skip
    """Import a trained network, write it, and print its accuracy and the error of the translation."""
    model = landscape.from_torch(module, "cross_entropy", data, name=name)
    landscape.save_model(model, options.folder / f"{name}.npz")
    if options.small is not None and name in BUNDLED:
        small = {
            key: value[: SMALL_TRAIN if key.endswith("train") else SMALL_TEST] for key, value in data.items()
        }
        landscape.save_model(
            landscape.from_torch(module, "cross_entropy", small, name=name), options.small / f"{name}.npz"
        )
    found = {split: (value.loss, value.accuracy) for split, value in landscape.evaluate_model(model).items()}
    words = ", ".join(
        f"{split} loss {loss:.4f} accuracy {right:.3f}" for split, (loss, right) in found.items()
    )
    print(
        f"{name}: {model.size:,} parameters, {words}; {model.inferred[-1]}; {time.perf_counter() - start:.0f} s",
        flush=True,
    )


def train_signals(options: argparse.Namespace) -> None:
    """Train the network of `conv1d` on MNIST-1D."""
    start = time.perf_counter()
    signals, classes = make_examples(SIGNALS, SEED)
    x, y = torch.tensor(signals[:, None], dtype=torch.float32), torch.tensor(classes)
    torch.manual_seed(SEED)
    module = train(signal_network(), x[:SIGNALS_TRAIN], y[:SIGNALS_TRAIN], 5 * options.epochs, 3e-3)
    data = {"x_train": x[:SIGNALS_TRAIN], "y_train": y[:SIGNALS_TRAIN]}
    save(options, "signals", module, data | {"x_test": x[SIGNALS_TRAIN:], "y_test": y[SIGNALS_TRAIN:]}, start)


def train_transformer(options: argparse.Namespace) -> None:
    """Train on seven eighths of the text, and keep the first sequences of these."""
    start = time.perf_counter()
    ids, following, vocabulary = text()
    torch.manual_seed(SEED)
    whole = len(ids) - len(ids) // 8
    module = train(Transformer(vocabulary), ids[:whole], following[:whole], 4 * options.epochs, 3e-3)
    data = {
        "x_train": ids[:256],
        "y_train": following[:256],
        "x_test": ids[whole:],
        "y_test": following[whole:],
    }
    save(options, "transformer", module, data, start)


def train_on_images(options: argparse.Namespace, wanted: list[str]) -> None:
    """Train those of the convolutional networks that are wanted on Fashion-MNIST; LeNet twice as long."""
    x, y = images(options.images, "train", TRAIN)
    x_test, y_test = images(options.images, "t10k", TEST)
    kept = {"x_train": x[:KEPT_TRAIN], "y_train": y[:KEPT_TRAIN]}
    kept |= {"x_test": x_test[:KEPT_TEST], "y_test": y_test[:KEPT_TEST]}
    for name in wanted:
        make, times = IMAGE_NETWORKS[name]
        start = time.perf_counter()
        torch.manual_seed(SEED)
        save(options, name, train(make(), x, y, times * options.epochs, 3e-3), kept, start)


IMAGE_NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "resnet20_skips": (lambda: ResNet(True), 1),
    "resnet20_plain": (lambda: ResNet(False), 1),
    "lenet": (lambda: lenet(False), 2),
    "lenet_bn": (lambda: lenet(True), 2),
}
OTHERS: dict[str, Callable[[argparse.Namespace], None]] = {
    "transformer": train_transformer,
    "signals": train_signals,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--network", action="append", choices=[*IMAGE_NETWORKS, *OTHERS], help="only these")
    parser.add_argument("--small", type=Path, help="where the bundled ones go")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wanted = options.network or [*IMAGE_NETWORKS, *OTHERS]
    of_images = [name for name in wanted if name in IMAGE_NETWORKS]
    if of_images:
        train_on_images(options, of_images)
    for name in wanted:
        if name in OTHERS:
            OTHERS[name](options)


if __name__ == "__main__":
    main()
