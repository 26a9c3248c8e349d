"""Each adapter by an object of its framework's kind that fires the hooks in the order in which that framework does; no framework is needed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError, load_opaque

QUIET: dict[str, Any] = {"announce": lambda sentence: None}


class Base:
    """What a framework's callback does where nothing is overridden: nothing, at every hook."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("on_") and name not in ("setup", "teardown"):
            raise AttributeError(name)
        return lambda *given, **named: None


def put(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: Any) -> None:
    """Install a fake package of that name, with the given names in it."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:depth]), ModuleType(".".join(parts[:depth])))
    for key, value in attributes.items():
        setattr(sys.modules[name], key, value)


def optimizer(rate: float) -> Any:
    return SimpleNamespace(param_groups=[{"params": [], "lr": rate, "weight_decay": 0.0}], state={})


def lightning_run(
    callback: Any, network: dict[str, np.ndarray], steps: int, done: int = 0, *, fails: bool = False
) -> None:
    """Two batches an update, a validation every two updates, and the check before all of it."""
    trainer = SimpleNamespace(
        global_step=0, sanity_checking=True, callback_metrics={"val_loss": 99.0}, optimizers=[optimizer(0.1)]
    )
    module = SimpleNamespace(network=network)
    callback.setup(trainer, module, "fit")
    callback.on_fit_start(trainer, module)
    callback.on_sanity_check_start(trainer, module)
    callback.on_validation_end(trainer, module)
    callback.on_sanity_check_end(trainer, module)
    trainer.sanity_checking, trainer.global_step = False, done
    callback.on_train_start(trainer, module)
    for batch in range(2 * (steps - done)):
        callback.on_train_batch_start(trainer, module, None, batch)
        callback.on_before_backward(trainer, module, None)
        if batch % 2:
            callback.on_before_optimizer_step(trainer, module, trainer.optimizers[0])
            network["w"] += 1
            trainer.global_step += 1
        callback.on_train_batch_end(trainer, module, {"loss": 1 / (1 + trainer.global_step)}, None, batch)
        if batch % 4 == 3:
            trainer.callback_metrics = {"train_loss": 7.0, "val_loss": 0.5, "val_f1": 0.25}
            callback.on_validation_end(trainer, module)
    if fails:
        callback.on_exception(trainer, module, RuntimeError())
        return
    callback.on_train_end(trainer, module)
    callback.on_fit_end(trainer, module)
    callback.teardown(trainer, module, "fit")


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_lightning(tmp_path, monkeypatch, package):
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    put(monkeypatch, package, Callback=Base)
    callback = landscape.lightning_callback(
        tmp_path / "run.npz", None, None, module=lambda whole: whole.network, **QUIET
    )
    assert isinstance(callback, Base)
    lightning_run(callback, {"w": np.zeros(2)}, 4)
    found = load_opaque(tmp_path / "run.npz")
    assert found.checkpoint_steps.tolist() == [0, 1, 2, 3, 4]
    assert found.checkpoints[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert found.history["step"].tolist() == [1, 2, 3, 4]
    assert found.history["train_loss"].tolist() == [1 / 2, 1 / 3, 1 / 4, 1 / 5]
    assert found.history["learning_rate"].tolist() == [0.1] * 4
    assert found.history["validation_loss"].tolist()[1::2] == [0.5, 0.5]
    assert found.history["other.val_f1"].tolist()[1::2] == [0.25, 0.25]
    assert callback.state_dict() == {"updates": 4}


def test_a_run_of_lightning_that_failed_is_gone_on_with_from_its_checkpoint(tmp_path, monkeypatch):
    put(monkeypatch, "lightning.pytorch", Callback=Base)
    first = landscape.lightning_callback(
        tmp_path / "run.npz", None, None, module=lambda whole: whole.network, **QUIET
    )
    lightning_run(first, {"w": np.zeros(2)}, 6, fails=True)
    second = landscape.lightning_callback(
        tmp_path / "run.npz", None, None, module=lambda whole: whole.network, **QUIET
    )
    second.load_state_dict({"updates": 4})
    lightning_run(second, {"w": np.full(2, 4.0)}, 8, done=4)
    found = load_opaque(tmp_path / "run.npz")
    assert found.history["step"].tolist() == list(range(1, 9))
    assert found.checkpoints[:, 0].tolist() == list(range(9))


def test_the_trainer_of_hugging_face(tmp_path, monkeypatch):
    put(monkeypatch, "transformers", TrainerCallback=Base)
    callback = landscape.transformers_callback(
        tmp_path / "run.npz", None, None, module=lambda whole: whole["net"], **QUIET
    )
    state, network = SimpleNamespace(is_world_process_zero=True, global_step=0), {"w": np.zeros(2)}
    given = (SimpleNamespace(), state, SimpleNamespace())
    callback.on_init_end(*given)
    callback.on_train_begin(*given, model={"net": network}, optimizer=optimizer(0.5))
    callback.on_epoch_begin(*given)
    for step in range(1, 5):
        callback.on_step_begin(*given)
        callback.on_substep_end(*given)
        network["w"] += 1
        callback.on_pre_optimizer_step(*given)
        state.global_step = step
        callback.on_step_end(*given)
        if step % 2 == 0:
            callback.on_log(
                *given, logs={"loss": 1.0 / step, "grad_norm": 3.0, "learning_rate": 0.25, "epoch": 0.5}
            )
    callback.on_evaluate(*given, metrics={"eval_loss": 0.75, "eval_runtime": 9.0, "epoch": 1.0})
    callback.on_log(*given, logs={"eval_loss": 0.75, "eval_runtime": 9.0, "epoch": 1.0})
    callback.on_log(*given, logs={"train_runtime": 9.0, "train_loss": 0.7, "epoch": 1.0})
    callback.on_train_end(*given)
    found = load_opaque(tmp_path / "run.npz")
    assert found.checkpoints[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert set(found.history) == {"step", "train_loss", "gradient_norm", "learning_rate", "validation_loss"}
    assert found.history["train_loss"].tolist() == [0.5, 0.25]
    assert found.history["step"].tolist() == [2, 4]
    # The rate that the optimizer began with, though a schedule has lowered it in the log.
    assert found.training["learning_rate"] == 0.5
    assert found.history["validation_loss"].tolist()[-1] == 0.75


def test_another_process_of_the_trainer_writes_nothing(tmp_path, monkeypatch):
    put(monkeypatch, "transformers", TrainerCallback=Base)
    callback = landscape.transformers_callback(tmp_path / "run.npz", None, None)
    given = (
        SimpleNamespace(),
        SimpleNamespace(is_world_process_zero=False, global_step=0),
        SimpleNamespace(),
    )
    callback.on_train_begin(*given, model={"w": np.zeros(2)})
    callback.on_step_end(*given)
    callback.on_log(*given, logs={"loss": 1.0})
    callback.on_train_end(*given)
    assert list(tmp_path.iterdir()) == []


class Weight:
    """A variable of Keras: its path, and a copy of its numbers."""

    def __init__(self, path: str, value: np.ndarray) -> None:
        self.path, self.value = path, value

    def numpy(self) -> np.ndarray:
        return self.value.copy()


def test_keras(tmp_path, monkeypatch):
    put(monkeypatch, "keras.callbacks", Callback=Base)
    sys.modules["keras"].callbacks = sys.modules["keras.callbacks"]
    callback = landscape.keras_callback(tmp_path / "run.npz", **QUIET)
    kernel = Weight("sequential/dense/kernel", np.zeros((2, 3)))
    network = SimpleNamespace(
        trainable_weights=[kernel, Weight("sequential/dense/bias", np.zeros(3))], name="sequential"
    )
    network.optimizer = type("RMSprop", (), {"learning_rate": 0.125})()
    callback.model = network
    callback.on_train_begin()
    for epoch in range(2):
        callback.on_epoch_begin(epoch)
        for batch in range(3):
            callback.on_train_batch_begin(batch)
            kernel.value += 1
            callback.on_train_batch_end(batch, {"loss": 9.0})
        callback.on_epoch_end(epoch, {"accuracy": 0.5, "loss": 1.0 / (1 + epoch), "val_loss": 2.0})
    callback.on_train_end()
    found = load_opaque(tmp_path / "run.npz")
    assert list(found.shapes.values()) == [(2, 3), (3,)]
    assert found.checkpoints[:, 0].tolist() == list(range(7))
    assert found.history["step"].tolist() == [3, 6]
    assert found.history["train_loss"].tolist() == [1.0, 0.5]
    assert found.history["learning_rate"].tolist() == [0.125, 0.125]
    assert found.history["validation_loss"].tolist() == [2.0, 2.0]
    assert found.training["optimizer"] == "RMSprop"
    assert found.name == "sequential"


def test_a_loop_of_jax_with_its_state(tmp_path):
    hyper = SimpleNamespace(hyperparams={"learning_rate": 0.25})
    state = SimpleNamespace(params={"dense": {"kernel": np.zeros((2, 2))}}, opt_state=(None, hyper))
    with landscape.OptaxRecorder(
        tmp_path / "run.npz", state, training={"optimizer": "adam"}, **QUIET
    ) as recorder:
        for step in range(1, 4):
            state = SimpleNamespace(
                params={"dense": {"kernel": np.full((2, 2), step)}}, opt_state=(None, hyper)
            )
            recorder.step(state, 1 / step)
        recorder.evaluate(accuracy=0.5)
    found = load_opaque(tmp_path / "run.npz")
    assert found.checkpoints[:, 0].tolist() == [0, 1, 2, 3]
    assert found.history["learning_rate"].tolist() == [0.25] * 3
    assert found.training["optimizer"] == "adam"
    assert found.theta.tolist() == [3.0] * 4


def test_a_tree_that_jax_knows_is_taken_in_its_order(tmp_path, monkeypatch):
    """A class of its own (Equinox), which only JAX can take apart."""

    class Layer:
        w = np.ones(2)

    put(
        monkeypatch,
        "jax.tree_util",
        tree_flatten_with_path=lambda tree: ([((".w",), tree.w)], None),
        keystr="".join,
    )
    sys.modules["jax"].tree_util = sys.modules["jax.tree_util"]
    with landscape.OptaxRecorder(tmp_path / "run.npz", Layer(), **QUIET) as recorder:
        recorder.step(Layer(), 0.5)
    assert load_opaque(tmp_path / "run.npz").shapes == {".w": (2,)}


class Linear:
    """An estimator with `partial_fit` that is no network that is known."""

    def partial_fit(self) -> None:
        self.coef_ = getattr(self, "coef_", np.zeros((1, 2))) + 1
        self.intercept_ = np.zeros(1)
        self.loss_ = 1 / self.coef_[0, 0]


def test_an_estimator_with_coefficients(tmp_path):
    estimator = Linear()
    with pytest.raises(InputError, match="call step\\(\\) after partial_fit"):
        landscape.SklearnRecorder(tmp_path / "run.npz", estimator, None, **QUIET).step()
    with landscape.SklearnRecorder(tmp_path / "run.npz", estimator, None, **QUIET) as recorder:
        for _ in range(3):
            estimator.partial_fit()
            recorder.step()
    found = load_opaque(tmp_path / "run.npz")
    assert found.checkpoints[:, 0].tolist() == [1, 2, 3]
    assert found.history["step"].tolist() == [0, 1, 2]
    assert found.history["train_loss"].tolist() == [1, 1 / 2, 1 / 3]


@pytest.mark.sklearn
def test_a_network_of_scikit_learn_becomes_a_whole_model(tmp_path):
    pytest.importorskip("sklearn")
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 4))
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    estimator = MLPClassifier((5,), random_state=0)
    with landscape.SklearnRecorder(tmp_path / "run.npz", estimator, (x, y), **QUIET) as recorder:
        for _ in range(5):
            estimator.partial_fit(x, y, classes=[0, 1, 2])
            recorder.step()
    found = landscape.load_model(tmp_path / "run.npz")
    assert np.array_equal(found.theta, landscape.from_sklearn(estimator, (x, y)).theta)
    assert (found.checkpoints[-1] == found.theta.astype(np.float32)).all()
    assert len(found.history["train_loss"]) == 5


def test_a_framework_that_is_not_there_is_named(tmp_path, monkeypatch):
    for name in ("lightning", "pytorch_lightning", "transformers", "keras"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="needs the package pytorch_lightning"):
        landscape.lightning_callback(Path("run.npz"), None, None)
    with pytest.raises(InputError, match="needs the package transformers"):
        landscape.transformers_callback(Path("run.npz"), None, None)
    with pytest.raises(InputError, match="needs the package keras"):
        landscape.keras_callback(Path("run.npz"))
