"""What people write out by hand: attention that is recognized, and loops, gates and layers of many inputs that come in as they stand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError
from landscape.program.codes import Op
from landscape.program.table import Column
from tests.torch.test_from_torch import difference, draw, of

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch
T, D, HEADS = 5, 8, 2


def heads(x: Any) -> Any:
    return x.view(x.shape[0], T, HEADS, D // HEADS).transpose(1, 2)


def mixed(s: Any, x: Any, scores: Any, *, scaled: bool = False) -> Any:
    q, k, v = (heads(part) for part in s.qkv(x).split(D, dim=2))
    if scaled:
        weights = F.softmax(scores(q / math.sqrt(D // HEADS) @ k.transpose(-2, -1)), -1)
    else:
        weights = F.softmax(scores(q @ k.transpose(-2, -1) * (D // HEADS) ** -0.5), -1)
    return s.out((weights @ v).transpose(1, 2).reshape(x.shape[0], T, D))


SEEN = torch.tril(torch.ones(T, T))
LOW = torch.zeros(T, T).masked_fill(SEEN == 0, float("-inf"))
BIAS = torch.linspace(-1, 1, T * T).view(T, T)
# Attention as tutorials write it; whether it is the causal one, and whether the fast rule takes it.
ATTENTIONS: dict[str, tuple[Any, bool, bool]] = {
    "plain": (lambda s, x: mixed(s, x, lambda p: p), False, True),
    "scaled_queries": (lambda s, x: mixed(s, x, lambda p: p, scaled=True), False, True),
    "masked_fill": (lambda s, x: mixed(s, x, lambda p: p.masked_fill(SEEN == 0, float("-inf"))), True, True),
    "added_mask": (lambda s, x: mixed(s, x, lambda p: p + LOW), True, True),
    "where": (lambda s, x: mixed(s, x, lambda p: torch.where(SEEN > 0, p, torch.tensor(float("-inf")))), True, True),
    "biased": (lambda s, x: mixed(s, x, lambda p: p + BIAS), False, False),
    "tempered": (lambda s, x: mixed(s, x, lambda p: 0.3 * p), False, False),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_that_is_written_out_is_recognized(name):
    forward, causal, fast = ATTENTIONS[name]
    module = draw(of(forward, qkv=nn.Linear(D, 3 * D), out=nn.Linear(D, 3)))
    x = np.random.default_rng(0).standard_normal((7, T, D)).astype(np.float32)
    model = landscape.from_torch(module, "mse", (x, np.zeros((7, T, 3), np.float32)))
    # Masks that a function holds are in float32, and so is all that it is compared in.
    assert difference(model) < 1e-5
    found = [node for node in model.nodes if node.op == "scaled_dot_product_attention"]
    assert [node.attributes["causal"] for node in found] == [causal]
    rows = landscape.NetworkObjective(model).on_cpu.tiled.plain.program.rows
    assert bool((rows[:, Column.OP] == Op.ATTENTION).any()) == fast
    # Queries, keys and values are read where the projection has put them.
    assert not fast or not (rows[:, Column.OP] == Op.GATHER).any()


RECURRENT = {
    "lstm": (nn.LSTM(4, 5, batch_first=True), 5),
    "two_layers_both_ways": (nn.LSTM(4, 3, 2, batch_first=True, bidirectional=True, dropout=0.2), 6),
    "gru": (nn.GRU(4, 5, batch_first=True), 5),
    "without_biases": (nn.GRU(4, 5, batch_first=True, bias=False), 5),
    "tanh": (nn.RNN(4, 5, batch_first=True), 5),
    "relu": (nn.RNN(4, 5, batch_first=True, nonlinearity="relu"), 5),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers_are_loops_over_time(name):
    layer, width = RECURRENT[name]
    module = draw(of(lambda s, x: s.fc(s.r(x)[0][:, -1]), r=layer, fc=nn.Linear(width, 3)))
    x = np.random.default_rng(0).standard_normal((9, 6, 4)).astype(np.float32)
    model = landscape.from_torch(module, "cross_entropy", (x, np.arange(9) % 3))
    assert difference(model) < 1e-12
    assert model.size == sum(p.numel() for p in module.parameters())
    objective = landscape.NetworkObjective(model)
    theta, step = model.theta, 1e-6
    along = np.random.default_rng(1).standard_normal(model.size)
    central = (objective.gradient(theta + step * along) - objective.gradient(theta - step * along)) / (
        2 * step
    )
    assert np.abs(objective.hvp(theta, along) - central).max() < 1e-6 * max(1.0, np.abs(central).max())


def test_a_network_of_ids_and_numbers_reads_a_part_of_the_data_each():
    class Table(nn.Module):
        """A column of ids beside numbers."""

        def __init__(self):
            super().__init__()
            self.kind, self.fc = nn.Embedding(4, 3), nn.Linear(5, 3)

        def forward(self, ids, numbers):
            return self.fc(torch.cat([self.kind(ids), numbers], 1))

    rng = np.random.default_rng(0)
    ids, numbers = rng.integers(0, 4, 9), rng.standard_normal((9, 2)).astype(np.float32)
    model = landscape.from_torch(Table(), "cross_entropy", ((ids, numbers), np.arange(9) % 3))
    assert difference(model) < 1e-12
    assert model.input_shape == (3,)
    x = model.data["x_train"].copy()
    for value in (4.0, -1.0, 0.5):
        x[3, 0] = value
        with pytest.raises(InputError, match=r"x_train: expected ids from 0 to 3, found .* in example 3"):
            landscape.build_model(
                nodes=[{"name": n.name, "op": n.op, "inputs": n.inputs, **n.attributes} for n in model.nodes],
                parameters=model.parameters | model.buffers,
                loss="cross_entropy",
                x_train=x,
                y_train=model.data["y_train"],
            )
