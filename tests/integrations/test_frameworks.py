"""Real frameworks train a small network with the recorder in their own hooks, and what it leaves is read and diagnosed."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import landscape

# What other packages warn of is theirs.
pytestmark = [pytest.mark.integrations, pytest.mark.filterwarnings("ignore")]
EXTRA = "of the extra [integrations]"

RNG = np.random.default_rng(0)
X = RNG.standard_normal((64, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def quiet(sentence: str) -> None:
    """Print nothing."""


def test_lightning(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    lightning = pytest.importorskip("lightning.pytorch", reason=f"needs lightning, {EXTRA}")
    monkeypatch.chdir(tmp_path)
    nn = torch.nn

    class Whole(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))

        def training_step(self, batch: Any, place: int) -> Any:
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch: Any, place: int) -> None:
            self.log("val_loss", nn.functional.cross_entropy(self.net(batch[0]), batch[1]))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.5)

    torch.manual_seed(0)
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    loader = torch.utils.data.DataLoader(data, batch_size=16)
    whole = Whole()
    callback = landscape.lightning_callback(
        "run.npz", "cross_entropy", (X, Y), module=lambda module: module.net, announce=quiet
    )
    trainer = lightning.Trainer(
        max_epochs=3, callbacks=[callback], accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(whole, loader, loader)
    model = landscape.load_model("run.npz")
    assert model.history["step"].tolist() == list(range(1, 13))
    assert model.training["optimizer"] == "sgd"
    assert model.training["learning_rate"] == 0.5
    flat = np.concatenate([p.detach().numpy().ravel() for p in whole.net.parameters()])
    assert np.array_equal(np.sort(model.theta), np.sort(flat.astype(np.float64)))
    assert landscape.diagnose_log("run.npz").report["verdict"]


def test_transformers(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers", reason=f"needs transformers, {EXTRA}")
    pytest.importorskip("accelerate", reason=f"needs accelerate, {EXTRA}")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    net = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=11, n_positions=6)
    )
    tokens = torch.randint(11, (16, 6))
    rows = [{"input_ids": row, "labels": row} for row in tokens]
    callback = landscape.transformers_callback("run.npz", None, None, announce=quiet)
    settings = transformers.TrainingArguments(
        output_dir="out", max_steps=6, per_device_train_batch_size=4, logging_steps=2, report_to=[], save_strategy="no",
        use_cpu=True, disable_tqdm=True, learning_rate=1e-2,
    )  # fmt: skip
    transformers.Trainer(model=net, args=settings, train_dataset=rows, callbacks=[callback]).train()
    found = landscape.load_opaque("run.npz")
    assert found.checkpoint_steps.tolist() == list(range(7))
    assert found.history["step"].tolist() == [2, 4, 6]

    def loss(module: Any, batch: Any) -> Any:
        return module(input_ids=batch, labels=batch).loss, len(batch)

    objective = landscape.TorchObjective(net, None, tokens, batch_loss=loss)
    assert objective.size == found.checkpoints.shape[1]
    path = landscape.trajectory(objective, checkpoints=found.checkpoints, points=3)
    assert path.values["train_loss"].shape == (7,)
    # Its loss is computed in float32 whatever the network is in, which is no reason against its products.
    assert objective.doubt == ""
    report = landscape.diagnose(objective, constant_loss=float(np.log(11))).report
    assert report["confidence"] == "suspected"


def test_keras(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason=f"needs keras, {EXTRA}")
    if keras.backend.backend() != "torch":
        pytest.skip("needs Keras on PyTorch")
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(2)])
    net.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callback = landscape.keras_callback(tmp_path / "run.npz", announce=quiet)
    log = net.fit(X, Y, epochs=3, batch_size=16, callbacks=[callback], verbose=0)
    found = landscape.load_opaque(tmp_path / "run.npz")
    assert found.checkpoint_steps.tolist() == list(range(13))
    assert np.allclose(found.history["train_loss"], log.history["loss"], rtol=1e-6)
    last = np.concatenate([np.asarray(w.value.detach()).ravel() for w in net.trainable_weights])
    assert np.allclose(found.theta, last, rtol=0, atol=1e-7)


def test_flax_and_optax(tmp_path):
    jax = pytest.importorskip("jax", reason=f"needs jax, {EXTRA}")
    linen = pytest.importorskip("flax.linen", reason=f"needs flax, {EXTRA}")
    optax = pytest.importorskip("optax", reason=f"needs optax, {EXTRA}")
    from flax.training.train_state import TrainState

    net = linen.Dense(2)
    state = TrainState.create(
        apply_fn=net.apply, params=net.init(jax.random.PRNGKey(0), X)["params"],
        tx=optax.inject_hyperparams(optax.sgd)(learning_rate=0.5),
    )  # fmt: skip

    def loss(params: Any) -> Any:
        logits = net.apply({"params": params}, X)
        return optax.softmax_cross_entropy_with_integer_labels(logits, Y).mean()

    step, values = jax.jit(jax.value_and_grad(loss)), []
    with landscape.OptaxRecorder(tmp_path / "run.npz", state, announce=quiet) as recorder:
        for _ in range(5):
            value, gradient = step(state.params)
            state = state.apply_gradients(grads=gradient)
            recorder.step(state, value)
            values.append(float(value))
    found = landscape.load_opaque(tmp_path / "run.npz")
    assert found.checkpoint_steps.tolist() == list(range(6))
    assert np.allclose(found.history["train_loss"], values)
    assert np.allclose(found.history["learning_rate"], 0.5)
    leaves = [np.asarray(leaf).ravel() for leaf in jax.tree_util.tree_leaves(state.params)]
    assert np.array_equal(found.theta, np.concatenate(leaves).astype(np.float64))
