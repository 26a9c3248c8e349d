"""The models that come with the package, to try the commands on."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from landscape.errors import InputError, did_you_mean
from landscape.files import shown

ABOUT = {
    "digits": "64-32-10 ReLU on handwritten digits of 8 × 8 pixels",
    "lenet": "a LeNet on clothes of 14 × 14 pixels",
    "lenet_bn": "the same with batch normalization",
    "signals": "one-dimensional convolutions on MNIST-1D",
    "transformer": "two causal layers on characters of a Python program",
}


def bundled() -> dict[str, Path]:
    """Return the files of the bundled models by name."""
    folder = Path(str(resources.files("landscape"))) / "data"
    return {path.stem: path for path in sorted(folder.glob("*.npz"))}


def bundled_path(name: str) -> Path:
    """Return the path of a bundled model's file.

    Raises
    ------
    InputError
        There is none of that name; the message lists those there are.
    """
    models = bundled()
    if name not in models:
        raise InputError(
            f"{shown(name)} is no bundled model; there are {', '.join(models)}{did_you_mean(name, models)}"
        )
    return models[name]
