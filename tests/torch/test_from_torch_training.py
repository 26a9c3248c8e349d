"""`from_torch` takes how a network was trained: its optimizer, log and checkpoints."""

from __future__ import annotations

import pytest

import landscape
from landscape import InputError
from tests.torch.recording import data, network

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


def test_the_importer_takes_the_story_too():
    module, (x, y) = network(), data()
    optimizer = torch.optim.AdamW(
        [{"params": module[0].parameters(), "weight_decay": 0.0}, {"params": module[3].parameters()}],
        lr=0.01,
        weight_decay=0.1,
    )
    states = {0: {name: tensor.clone() for name, tensor in module.state_dict().items()}}
    F.cross_entropy(module(x), y).backward()
    optimizer.step()
    states[5] = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    log = {"step": [0, 5], "loss": [0.7, 0.6], "val_loss": [0.7, None], "kl": [1, 2]}
    found = landscape.from_torch(
        module, nn.CrossEntropyLoss(), (x, y), optimizer=optimizer, history=log, checkpoints=states
    )
    assert found.training["optimizer"] == "adamw"
    assert found.weight_decay == 0.0
    assert list(found.history) == ["step", "train_loss", "validation_loss", "other.kl"]
    assert found.checkpoint_steps.tolist() == [0, 5]
    assert (found.checkpoints[1] == found.theta).all()
    # The norm has no state yet, so that not all of θ has some.
    assert set(found.optimizer) == {"step"}


def test_penalties_that_differ_by_group_are_those_of_the_model():
    module, pair = network(), data()
    optimizer = torch.optim.SGD(
        [
            {"params": module[0].parameters(), "weight_decay": 0.5},
            {"params": [*module[1].parameters(), *module[3].parameters()]},
        ],
        lr=0.1,
    )
    found = landscape.from_torch(module, nn.CrossEntropyLoss(), pair, optimizer=optimizer)
    assert found.weight_decay == {"0.weight": 0.5, "0.bias": 0.5}


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (
            {"checkpoints": [{"0.weight": torch.ones(8, 4)}]},
            r"checkpoints\[0\]: is no state_dict of this module: it has no",
        ),
        ({"checkpoints": []}, "expected a list of state_dicts"),
        ({"history": {"loss": [1.0], "acc": [1.0, 2.0]}}, "series of one length"),
        ({"history": {"step": [3, 1], "loss": [1.0, 2.0]}}, "do not go back"),
        ({"history": {"loss": [1.0], "train_loss": [1.0]}}, "expected it once"),
        ({"history": 3}, "expected a mapping such as"),
        (
            {"optimizer": torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)},
            "none of the module's parameters",
        ),
    ],
)
def test_a_story_of_something_else_is_refused(story, words):
    with pytest.raises(InputError, match=words):
        landscape.from_torch(network(), nn.CrossEntropyLoss(), data(), **story)
