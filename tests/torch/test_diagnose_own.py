"""A network that PyTorch evaluates is diagnosed by its user's own training: what a training mends is verified, what it does not take is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError, TorchObjective, diagnose
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import scores
from tests.torch.own_training import LINE, Descent, Solved, X, objective_of, zeros

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]


def test_a_rate_that_is_too_low_is_verified_and_what_is_not_read_is_not_assessed():
    objective = objective_of(zeros())
    train = Descent(objective, {"learning_rate": 1e-4})
    record = diagnose(objective, train=train)
    report = record.report
    assert (report["verdict"], report["subtype"], report["confidence"]) == (
        "optimization",
        "unfinished",
        "verified",
    )
    assert report["remedy"] == "rate×1000"
    assert "'learning_rate': 0.1" in report["next"]
    missing = " ".join(report["not_assessed"])
    for name in ("optimizer", "batch_size", "weight_decay", "width", "data_share"):
        assert f'settings.get("{name}"' in missing
    assert 'settings.get("learning_rate"' not in missing
    assert report["recipe"] == {"learning_rate": 1e-4}
    # The constant predictor's loss is the variance of the targets.
    assert report["evidence"]["constant_loss"] == pytest.approx(float(LINE.var(unbiased=False)), rel=1e-5)
    assert any(
        text.startswith("broken") and "range allows a small loss" in text for text in report["ruled_out"]
    )


def test_a_wider_network_verifies_bias():
    train = Solved()
    report = diagnose(train.objective, train=train).report
    assert (report["verdict"], report["subtype"], report["confidence"]) == ("model-bias", "width", "verified")
    assert "'width': 2.0" in report["next"]


def test_a_small_loss_needs_no_training():
    module = zeros()
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, -2.0, 0.5]]))
    objective = objective_of(module, LINE, (X + 1, LINE - 0.5))
    train = Descent(objective, {"learning_rate": 0.1})
    report = diagnose(objective, train=train).report
    assert (report["verdict"], train.calls) == ("healthy", [])


def test_a_gap_that_more_data_and_weight_decay_close_is_overfitting_verified():
    torch.manual_seed(2)
    wide = torch.randn(140, 40)
    labels = (wide[:, 0] + 0.3 * torch.randn(140) > 0).long()

    def make() -> Any:
        return nn.Sequential(nn.Linear(40, 32), nn.Tanh(), nn.Linear(32, 2))

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        torch.manual_seed(seed)
        module = make()
        optimizer = torch.optim.Adam(
            module.parameters(), lr=0.02, weight_decay=settings.get("weight_decay", 0.0)
        )
        count = round(40 * settings.get("data_share", 1.0))
        for _ in range(settings.get("steps", 60)):
            optimizer.zero_grad()
            F.cross_entropy(module(wide[:count]), labels[:count]).backward()
            optimizer.step()
        return module, None

    module = train({}, 7, None)[0]
    objective = TorchObjective(
        module, nn.CrossEntropyLoss(), (wide[:40], labels[:40]), test=(wide[40:], labels[40:])
    )
    report = diagnose(objective, train=train, budget="thorough").report
    assert (report["verdict"], report["confidence"]) == ("overfitting", "verified")
    assert report["evidence"]["generalization"]["sizes"] == [10, 20, 40]
    suspected = diagnose(objective).report
    assert (suspected["verdict"], suspected["confidence"]) == ("overfitting", "suspected")
    assert any("give train=function" in text for text in suspected["not_assessed"])


def test_an_interrupted_diagnosis_goes_on_with_the_trainings_that_are_left(tmp_path):
    path = tmp_path / "own.npz"
    objective = objective_of(zeros())
    whole = Descent(objective, {"learning_rate": 1e-4})
    expected = diagnose(objective, train=whole).report
    cut = Descent(objective, {"learning_rate": 1e-4})
    cut.stop["at"] = 5
    with pytest.raises(KeyboardInterrupt):
        diagnose(objective, train=cut, output=path)
    rest = Descent(objective, {"learning_rate": 1e-4})
    found = diagnose(objective, train=rest, output=path)
    assert cut.calls + rest.calls == whole.calls
    assert found.report == expected
    assert landscape.load_record(path).report == expected
    assert diagnose(objective, train=rest, output=path).report == expected
    assert len(cut.calls) + len(rest.calls) == len(whole.calls)


LOSSES = {
    "mse": (nn.MSELoss(), 1, LINE),
    "mae": (nn.L1Loss(), 1, LINE),
    "huber": (nn.HuberLoss(delta=0.5), 1, LINE),
    "cross_entropy": (nn.CrossEntropyLoss(), 3, torch.arange(120) * 7 // 4 % 3),
    "binary_cross_entropy": (nn.BCEWithLogitsLoss(), 1, (X[:, :1] > 0.3).float()),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_best_constant_and_the_losses_of_examples_are_those_of_the_engine(name):
    loss, outputs, y = LOSSES[name]
    torch.manual_seed(3)
    module = nn.Linear(3, outputs).double()
    objective = TorchObjective(
        module, loss, (X.double(), y if name == "cross_entropy" else y.double()), batch_size=50
    )
    model = landscape.from_torch(module, loss, (X.double(), y))
    split = objective.about.examples["train"]
    assert split.constant() == pytest.approx(constant_loss(NetworkObjective(model)), rel=1e-6)
    theirs = scores(model, "train")
    ours = split.single(objective.theta)
    assert ours is not None
    assert np.allclose(ours[0], theirs.loss, rtol=0, atol=1e-10)
    assert (ours[1] is None) == (theirs.hit is None)
    if theirs.hit is not None:
        assert (ours[1] == theirs.hit).all()
        assert split.chance() == (1 / 3 if name == "cross_entropy" else 0.5)


def test_the_best_constant_of_log_probabilities_is_their_entropy():
    y = torch.arange(120) * 7 // 4 % 3
    module = nn.Sequential(nn.Linear(3, 3), nn.LogSoftmax(1)).double()
    objective = TorchObjective(module, nn.NLLLoss(), (X.double(), y))
    shares = np.bincount(y.numpy()) / 120
    expected = -sum(p * np.log(p) for p in shares if p)
    assert objective.about.examples["train"].constant() == pytest.approx(expected, rel=1e-6)


def batches_loss(module: Any, batch: Any) -> tuple[Any, int]:
    return F.mse_loss(module(batch[0]), batch[1]), len(batch[0])


def test_a_loss_of_batches_asks_for_the_loss_of_a_constant():
    objective = TorchObjective(zeros(), None, (X, LINE), batch_loss=batches_loss)
    with pytest.raises(InputError, match=r"best constant predictor.*give constant_loss="):
        diagnose(objective)
    train = Descent(objective, {"learning_rate": 1e-4})
    report = diagnose(objective, train=train, constant_loss=float(LINE.var(unbiased=False))).report
    assert (report["verdict"], report["confidence"]) == ("optimization", "verified")


def test_a_training_that_diverges_is_seen_as_one():
    objective = objective_of(zeros())
    train = Descent(objective, {"learning_rate": 5.0, "steps": 400})
    report = diagnose(objective, train=train).report
    by_name = {o["name"]: o for o in report["evidence"]["outcomes"]}
    assert by_name["longer"]["diverged"] == 3
    assert by_name["rate/10"]["diverged"] == 0
    assert (report["verdict"], report["confidence"]) == ("optimization", "verified")
