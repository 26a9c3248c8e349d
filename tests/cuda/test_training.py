"""A training in the simulator takes the CPU's batches and steps; descents on surfaces are the CPU's."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import build_model, load_model
from landscape.studies import study_schedule
from landscape.training import descend, train, train_many
from tests.cases import CASES
from tests.cuda.conditions import few, in_simulator

pytestmark = in_simulator


def tiny():
    rng = np.random.default_rng(3)
    layers = [
        (rng.standard_normal((2, 3)), rng.standard_normal(3)),
        (rng.standard_normal((3, 2)), np.zeros(2)),
    ]
    x, y = rng.standard_normal((5, 2)), np.array([0, 1, 1, 0, 1])
    return build_model(layers=layers, activation="tanh", x_train=x, y_train=y, weight_decay=0.1)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adam", "schedule": "cosine", "warmup": 1, "batch_size": 3},
        {"optimizer": "sam", "clip": 0.5, "batch_size": 4, "replacement": True},
    ],
    ids=lambda settings: settings["optimizer"],
)
def test_a_training_is_the_cpus(settings):
    common = {"steps": 3, "learning_rate": 0.05, "looks": 2, "dtype": "float64", "seed": [0, 1], **settings}
    ours, theirs = (train_many(tiny(), device=device, **common) for device in ("cuda", "cpu"))
    assert np.allclose(ours.theta, theirs.theta, rtol=0, atol=1e-13)
    assert np.allclose(ours.losses["train_loss"], theirs.losses["train_loss"], rtol=1e-12)
    assert np.allclose(ours.losses["gradient_norm"], theirs.losses["gradient_norm"], rtol=1e-12)


@pytest.mark.parametrize("name", ["layernorm_of_tokens", "image_joints", "attention_of_input"])
def test_a_training_of_a_network_of_other_ops_is_the_cpus(name):
    common = {"steps": 2, "learning_rate": 0.05, "looks": 2, "dtype": "float64", "seed": [0], "batch_size": 2}
    ours, theirs = (train_many(few(name), device=device, **common) for device in ("cuda", "cpu"))
    assert np.allclose(ours.theta, theirs.theta, rtol=0, atol=1e-13)
    assert np.allclose(ours.losses["train_loss"], theirs.losses["train_loss"], rtol=1e-12)


def test_a_training_is_saved_with_its_device_and_taken_up_on_it_only(tmp_path):
    settings = {"steps": 2, "batch_size": 5, "history": 2, "checkpoints": 0, "output": tmp_path / "run.npz"}
    train(tiny(), device="cuda", **settings)
    assert load_model(tmp_path / "run.npz").training["device"] == "cuda"
    with pytest.raises(InputError, match="not the result of this training"):
        train(tiny(), device="cpu", **settings)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_training_that_diverges_keeps_its_last_finite_parameters():
    common = {"steps": 2, "learning_rate": 1e300, "batch_size": 5, "looks": 2, "dtype": "float64"}
    ours, theirs = (train_many(tiny(), device=device, **common) for device in ("cuda", "cpu"))
    assert ours.diverged.tolist() == theirs.diverged.tolist()
    assert np.isfinite(ours.theta).all()
    assert np.allclose(ours.theta, theirs.theta, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_descents_are_the_cpus(dtype):
    starts = np.random.default_rng(0).standard_normal((5, 2))
    common = {"optimizer": "sam", "learning_rate": 1e-3, "clip": 2.0, "steps": 4, "every": 2, "dtype": dtype}
    ours, theirs = (descend("himmelblau", starts, device=device, **common) for device in ("cuda", "cpu"))
    assert np.allclose(ours.path, theirs.path, rtol=1e-6 if dtype == "float32" else 1e-13)


def test_a_study_computes_on_the_device_and_its_record_says_so(monkeypatch):
    monkeypatch.setattr("landscape.studies.schedule.LOOKS", 2)
    schedule = {
        "schedules": ["linear"],
        "steps": 2,
        "warmup": 1,
        "batch_size": 3,
        "seeds": 1,
        "dtype": "float64",
    }
    ours, theirs = (study_schedule(tiny(), device=device, **schedule) for device in ("cuda", "cpu"))
    assert ours.settings["device"] == "cuda"
    assert np.allclose(ours.series["train_loss"], theirs.series["train_loss"], rtol=1e-12)


def test_batch_normalization_is_refused_by_name():
    with pytest.raises(InputError, match="no CUDA kernel yet for the op 'batchnorm'"):
        train(CASES["batchnorm_first"].model, device="cuda")
