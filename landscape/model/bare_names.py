"""Recognize by their names the data, the weights and the biases in a file of plain arrays."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from landscape.errors import InputError
from landscape.files import shown

Arrays = dict[str, np.ndarray]
HINT = (
    'say it in a header: landscape=json.dumps({"format": 1, "loss": "…", '
    '"nodes": [{"name": "fc1", "op": "dense"}, {"name": "act1", "op": "relu"}, …]}), '
    "with keys like fc1.weight"
)
# What people call the splits; the training data need no such word.
SPLIT_NAMES = {"train": ("train", ""), "validation": ("validation", "val", "valid"), "test": ("test",)}
DATA_NAMES = {
    f"{kind}_{split}": tuple(
        f"{letter}_{name}".rstrip("_") for name in names for letter in (kind, kind.upper())
    )
    for split, names in SPLIT_NAMES.items()
    for kind in "xy"
}
_WORD = re.compile(r"[^\W\d_]+|\d+")
_WEIGHT = ("w", "weight", "weights", "kernel")
_BIAS = ("b", "bias", "biases")


@dataclass(frozen=True)
class Layer:
    """A weight matrix of the file, `[in, out]` or `[out, in]`, and its bias."""

    key: str
    weight: np.ndarray
    bias_key: str | None = None
    bias: np.ndarray | None = None

    @property
    def names(self) -> str:
        """The keys, for a sentence."""
        return self.key if self.bias_key is None else f"{self.key}, {self.bias_key}"


def take_data(arrays: Arrays) -> dict[str, str]:
    """Give the file's key of each of the format's data keys.

    Raises
    ------
    InputError
        Two keys for one, or no training data.
    """
    result = {}
    for meant, names in DATA_NAMES.items():
        found = [name for name in names if name in arrays]
        if len(found) > 1:
            raise InputError(f"{found[0]} and {found[1]}: both could be {meant}; expected one of them")
        if found:
            result[meant] = found[0]
    for kind in "xy":
        if f"{kind}_train" not in result:
            raise InputError(
                f"no header and no {kind}: expected the key 'landscape', or weight matrices with the data "
                f"({kind} or {kind}_train); found {shown(', '.join(arrays) or 'an empty archive')}"
            )
    return result


def take_layers(arrays: Arrays) -> list[Layer]:
    """Pair weights with biases by their names, in the order of the archive.

    Raises
    ------
    InputError
        An array that is neither the weight nor the bias of a dense layer, or a bias that has no weight.
    """
    roles = {key: role_of(key, array) for key, array in arrays.items()}
    weights = {key: stem for key, (role, stem) in roles.items() if role == "weight"}
    biases = {key: stem for key, (role, stem) in roles.items() if role == "bias"}
    by_stem: dict[tuple[str, ...], list[str]] = {}
    for key, stem in weights.items():
        by_stem.setdefault(stem, []).append(key)
    owners: dict[str, str] = {}
    for bias, stem in biases.items():
        candidates = by_stem.get(stem, [])
        if len(candidates) != 1 or candidates[0] in owners:
            raise InputError(f"{shown(bias)}: which weight it belongs to cannot be told by its name; {HINT}")
        owners[candidates[0]] = bias
    if not weights:
        raise InputError(f"no weight matrix: expected keys like W1, b1 or fc1.weight, fc1.bias; {HINT}")
    return [_layer(arrays, key, owners.get(key)) for key in weights]


def role_of(key: str, array: np.ndarray) -> tuple[str, tuple[str, ...]]:
    """Say whether an array is a weight or a bias, with the rest of its name.

    >>> role_of("fc1.weight", np.zeros((3, 2))), role_of("b1", np.zeros(3))
    (('weight', ('fc', '1')), ('bias', ('1',)))

    Raises
    ------
    InputError
        Neither.
    """
    role, stem = _read_name(key)
    if array.dtype.kind not in "iufb":
        raise InputError(f"{shown(key)}: expected a weight or bias of numbers, found {array.dtype}")
    if role == "bias" and array.ndim in (1, 2) and array.size == max(array.shape):
        return role, stem
    if role != "bias" and array.ndim == 2 and array.size:
        return "weight", stem
    raise InputError(
        f"{shown(key)}: shape {list(array.shape)} is no dense layer's weight [in, out] or bias [out]; {HINT}"
    )


def _read_name(key: str) -> tuple[str | None, tuple[str, ...]]:
    words = _WORD.findall(key)
    for position in reversed(range(len(words))):
        for role, names in (("weight", _WEIGHT), ("bias", _BIAS)):
            if words[position].lower() in names:
                return role, (*words[:position], *words[position + 1 :])
    for role, letter in (("weight", "w"), ("bias", "b")):  # as in Wh and bh
        if words and words[0].lower().startswith(letter) and len(words[0]) <= 3:
            return role, (words[0][1:], *words[1:])
    return None, tuple(words)


def _layer(arrays: Arrays, key: str, bias: str | None) -> Layer:
    return Layer(key, arrays[key], bias, None if bias is None else arrays[bias].reshape(-1))


def natural(key: str) -> list[tuple[int, int, str]]:
    """Sort key that puts `fc2` before `fc10`.

    >>> sorted(["fc10", "fc2"], key=natural)
    ['fc2', 'fc10']
    """
    return [
        (0, int(part), "") if part.isdecimal() and len(part) < 19 else (1, 0, part)
        for part in re.split(r"(\d+)", key)
    ]
