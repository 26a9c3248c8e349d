"""The record of sharpness: what is saved comes back, what does not fit is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.files import read_archive
from landscape.records import Sharpness, load_record


def sharpness(**changes):
    axis = np.linspace(-1, 1, 5)
    told = {
        name: {"definition": name, "invariant": {"layer": name == "adaptive", "neuron": name == "adaptive"}}
        for name in ("lambda_max", "adaptive")
    }
    fields = {
        "measures": {"lambda_max": (2.0, 1e-9), "adaptive": (0.5, 0.01)},
        "beside": {
            "layer": {"lambda_max": (32.0, 1e-9), "adaptive": (0.5 + 1e-9, 0.01)},
            "other": {"lambda_max": (3.0, 1e-9), "adaptive": (0.0, 0.01)},
        },
        "curves": {"curve": {"axis": axis, "train_loss": axis**2}, "other_curve": {"axis": axis, "train_loss": axis}},
        "model": "a" * 64,
        "data": "b" * 64,
        "settings": {"model_name": "one", "compare_name": "two", "loss": "mse", "split": "train", "measures": told},
        "version": "0.1.0",
        "seconds": 1.0,
    }  # fmt: skip
    return Sharpness(**{**fields, **changes})


def test_a_record_comes_back_exactly_and_by_its_kind(tmp_path):
    sharpness().save(tmp_path / "r.npz")
    loaded = load_record(tmp_path / "r.npz")
    assert loaded == sharpness()
    assert (loaded.measures, loaded.beside) == (sharpness().measures, sharpness().beside)


def test_the_file_has_a_scalar_a_measure_and_its_error_beside_it(tmp_path):
    sharpness().save(tmp_path / "r.npz")
    arrays = read_archive(tmp_path / "r.npz")
    assert (arrays["lambda_max"], arrays["lambda_max.error"], arrays["other.lambda_max"]) == (2.0, 1e-9, 3.0)


def test_the_summary_is_strict_json_of_the_contract():
    told = json.loads(json.dumps(sharpness(measures={"lambda_max": (np.nan, 1.0)}, beside={}).summary(["a"])))
    assert told["lambda_max"] == {
        "value": None, "error": 1.0, "invariant": {"layer": False, "neuron": False}, "definition": "lambda_max",
    }  # fmt: skip
    assert told["files"] == ["a"]
    assert sharpness().summary()["adaptive"]["layer"]["unchanged"] is True


def test_a_measure_is_unchanged_within_a_tenth_of_a_thousandth():
    assert sharpness().verdict("layer", "adaptive") is True
    assert sharpness().verdict("layer", "lambda_max") is False
    assert sharpness().verdict("neuron", "adaptive") is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"measures": {}}, "at least one"),
        ({"beside": {"third": {}}}, "layer, neuron, other"),
        ({"curves": {"line": {}}}, "curve, other_curve"),
        ({"curves": {"curve": {"axis": np.zeros(2)}}}, "an axis and a loss"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        sharpness(**wrong)


def test_a_file_without_measures_is_refused(tmp_path):
    with pytest.raises(InputError, match="no measure"):
        Sharpness.fields_of({"curve.axis": np.zeros(2)})
