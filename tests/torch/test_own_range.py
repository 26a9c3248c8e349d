"""What the range of a module's output costs: the engine's number and verdict of the same network, and "not known" where it is not."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import TorchObjective, diagnose
from landscape.diagnosis.own_range import ended
from landscape.diagnosis.ranges import least_loss
from tests.torch.test_from_torch import of

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(40, 3, generator=GENERATOR, dtype=torch.float64)
SHARES = torch.softmax(torch.randn(40, 4, generator=GENERATOR, dtype=torch.float64), 1)
TARGETS = {
    "numbers": 2 * torch.randn(40, 4, generator=GENERATOR, dtype=torch.float64) - 1,
    "classes": torch.arange(40) * 7 % 4,
    "shares": SHARES,
    "sides": (torch.randn(40, 4, generator=GENERATOR) > 0.2).double(),
    "counts": torch.randint(4, (40, 4), generator=GENERATOR).double(),
}
WEIGHTS = torch.tensor([1.0, 3.0, 0.5, 2.0], dtype=torch.float64)
LOSSES: dict[str, tuple[Any, str]] = {
    "mse": (nn.MSELoss(), "numbers"),
    "summed": (nn.MSELoss(reduction="sum"), "numbers"),
    "mae": (nn.L1Loss(), "numbers"),
    "huber": (nn.HuberLoss(delta=0.5), "numbers"),
    "cross_entropy": (nn.CrossEntropyLoss(), "classes"),
    "weighed": (nn.CrossEntropyLoss(weight=WEIGHTS, ignore_index=2), "classes"),
    "smoothed": (nn.CrossEntropyLoss(label_smoothing=0.2), "classes"),
    "smoothed_and_weighed": (nn.CrossEntropyLoss(weight=WEIGHTS, label_smoothing=0.2), "classes"),
    "shares": (nn.CrossEntropyLoss(), "shares"),
    "logits": (nn.BCEWithLogitsLoss(), "sides"),
    "positive": (nn.BCEWithLogitsLoss(pos_weight=WEIGHTS), "shares"),
    "poisson": (nn.PoissonNLLLoss(), "counts"),
    "named": ("cross_entropy", "classes"),
}
ENDS: dict[str, Any] = {
    "relu": nn.ReLU(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "softmax": nn.Softmax(1), "relu6": nn.ReLU6(), "softplus": nn.Softplus(),
}  # fmt: skip


def network(*ends: Any) -> Any:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), *ends).double()


def objective_of(module: Any, loss: Any, y: Any, **options: Any) -> TorchObjective:
    return TorchObjective(module, loss, (X, y), **({"batch_size": 16} | options))


def ending(objective: TorchObjective) -> Any:
    return objective.about.examples["train"].ending(objective.theta)


def least_of(objective: TorchObjective) -> float:
    return ended(objective.about.examples["train"], ending(objective)).least


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("end", ENDS)
def test_the_least_loss_in_the_range_is_the_engines(end, name):
    loss, kind = LOSSES[name]
    module = network(ENDS[end])
    model = landscape.from_torch(module, loss, (X, TARGETS[kind]))
    objective = objective_of(module, loss, TARGETS[kind])
    assert least_of(objective) == pytest.approx(least_loss(model), rel=1e-9, abs=1e-12)


def test_a_batch_of_which_nothing_counts_costs_nothing():
    """Four classes behind a sigmoid have ln(1 + 3/e) at least, also where a whole batch is left out."""
    y = TARGETS["classes"].clone()
    y[16:32] = -100
    objective = objective_of(network(nn.Sigmoid()), nn.CrossEntropyLoss(), y)
    assert least_of(objective) == pytest.approx(np.log1p(3 / np.e), rel=1e-12)
    # The classes that count have equal shares.
    assert objective.about.examples["train"].constant() == pytest.approx(np.log(4), rel=1e-6)


CASES: dict[str, tuple[Any, Any, str]] = {
    "a relu before negative numbers": (nn.ReLU(), nn.MSELoss(), "numbers"),
    "a softmax before a cross-entropy": (nn.Softmax(1), nn.CrossEntropyLoss(), "classes"),
    "a sigmoid before logits": (nn.Sigmoid(), nn.BCEWithLogitsLoss(), "sides"),
    "a tanh before a cross-entropy": (nn.Tanh(), nn.CrossEntropyLoss(), "classes"),
    "a softmax before squares": (nn.Softmax(1), nn.MSELoss(), "counts"),
    "a relu before classes": (nn.ReLU(), nn.CrossEntropyLoss(), "classes"),
    "a relu before smoothed classes": (nn.ReLU(), nn.CrossEntropyLoss(label_smoothing=0.1), "classes"),
    "nothing": (nn.Identity(), nn.MSELoss(), "numbers"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_that_of_the_engine_on_the_imported_network(name):
    end, loss, kind = CASES[name]
    module = network(end)
    objective = objective_of(module, loss, TARGETS[kind])
    ours = diagnose(objective).report
    theirs = diagnose(
        landscape.from_torch(module, loss, (X, TARGETS[kind])), budget="quick", threads=1
    ).report
    broken = theirs["verdict"] == "broken"
    assert broken == (name not in ("a relu before classes", "a relu before smoothed classes", "nothing"))
    assert broken == (ours["verdict"] == "broken")
    if broken:
        keys = ("subtype", "confidence", "why", "advice", "pytorch", "remedy")
        assert {key: ours[key] for key in keys} == {key: theirs[key] for key in keys}
        assert (ours["subtype"], ours["confidence"], ours["next"]) == ("output-range", "verified", None)
    else:
        assert any("the output's range allows a small loss" in text for text in ours["ruled_out"])
        assert not any("least loss in the output's range" in text for text in ours["not_assessed"])


WAYS: dict[str, tuple[Any, tuple[float, float]]] = {
    "function": (lambda s, x: F.relu(s.a(x)), (0, np.inf)),
    "in place": (lambda s, x: F.relu_(s.a(x)), (0, np.inf)),
    "clamped": (lambda s, x: s.a(x).clamp(-1, 2), (-1, 2)),
    "from below": (lambda s, x: torch.clamp_min(s.a(x), 0.5), (0.5, np.inf)),
    "moved": (lambda s, x: torch.tanh(s.a(x)).reshape(4, -1).T.contiguous().reshape(-1, 4), (-1, 1)),
    "picked": (lambda s, x: torch.sigmoid(s.b(x))[:, :4], (0, 1)),
    "squared": (lambda s, x: s.a(x) ** 2, (0, np.inf)),
    "dropped": (lambda s, x: F.dropout(torch.tanh(s.a(x)), training=s.training), (-1, 1)),
}


@pytest.mark.parametrize("name", WAYS)
def test_the_last_op_is_found_wherever_it_stands(name):
    forward, span = WAYS[name]
    torch.manual_seed(1)
    module = of(forward, a=nn.Linear(3, 4), b=nn.Linear(3, 6)).double()
    found = ending(objective_of(module, nn.MSELoss(), TARGETS["numbers"]))
    assert (found.span, found.reason, found.observed) == (span, "", False)


@pytest.mark.parametrize(
    "forward",
    [
        lambda s, x: s.a(x),
        lambda s, x: F.linear(torch.tanh(x)[:, None], s.a.weight, s.a.bias)[:, 0],
        lambda s, x: s.norm(torch.relu(s.a(x))),
        lambda s, x: F.leaky_relu(s.a(x)) @ s.c.weight + s.c.bias,
    ],
)
def test_a_layer_of_weights_at_the_end_bounds_nothing(forward):
    module = of(forward, a=nn.Linear(3, 4), c=nn.Linear(4, 4), norm=nn.LayerNorm(4)).double()
    found = ending(objective_of(module, nn.MSELoss(), TARGETS["numbers"]))
    assert (found.op, found.span, found.reason) == ("", None, "")


def test_log_probabilities_are_looked_through_to_what_makes_the_logits():
    y, shares = TARGETS["classes"], TARGETS["shares"]
    for ends, loss, targets in (
        ((nn.ReLU(), nn.LogSoftmax(1)), nn.NLLLoss(), y),
        ((nn.Tanh(), nn.LogSoftmax(1)), nn.NLLLoss(), y),
        ((nn.Tanh(), nn.LogSoftmax(1)), nn.KLDivLoss(reduction="batchmean"), shares),
        ((nn.Tanh(), nn.Sigmoid()), nn.BCELoss(), TARGETS["sides"]),
    ):
        module = network(*ends)
        model = landscape.from_torch(module, loss, (X, targets))
        assert least_of(objective_of(module, loss, targets)) == pytest.approx(
            least_loss(model), rel=1e-9, abs=1e-12
        )
    twice = ending(objective_of(network(nn.LogSoftmax(1)), nn.CrossEntropyLoss(), y))
    assert (twice.op, twice.span, twice.reason) == ("", None, "")


UNKNOWN: dict[str, tuple[Any, Any, str, str]] = {
    "loss": (lambda s, x: torch.relu(s.a(x)), lambda o, t: ((o - t) ** 2).mean(), "numbers", "the loss is no known one of torch.nn"),
    "op": (lambda s, x: s.a(x) * s.a(x)[:, :1], nn.MSELoss(), "numbers", "the last op is Mul, whose range is not known"),
    "tail": (lambda s, x: torch.softmax(s.a(x), 1), nn.NLLLoss(), "classes", "the loss expects the output of a log_softmax"),
    "shape": (lambda s, x: torch.relu(s.a(x))[:, 0], nn.MSELoss(), "one", r"targets of shape \[N, 1\] for outputs of shape \[N\]"),
    "way": (
        lambda s, x: torch.relu(s.a(x)) if len(x) == 16 else torch.tanh(s.a(x)), nn.MSELoss(), "numbers",
        "not made by the same op for all examples",
    ),
    "parameters": (
        lambda s, x: torch.relu(s.a(x)) if abs(float(s.a.weight.detach()[0, 0]) - 5.0) < 1e-6 else torch.tanh(s.a(x)), nn.MSELoss(), "numbers",
        "not made by the same op at other parameters",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_said_and_vetoes_nothing(name):
    forward, loss, kind, words = UNKNOWN[name]
    torch.manual_seed(1)
    module = of(forward, a=nn.Linear(3, 4)).double()
    with torch.no_grad():
        module.a.weight[0, 0] = 5.0
    y = TARGETS["numbers"][:, :1] if kind == "one" else TARGETS[kind]
    report = diagnose(objective_of(module, loss, y), constant_loss=4.0).report
    assert report["verdict"] != "broken"
    (said,) = [text for text in report["not_assessed"] if "the output's range" in text]
    assert re.search(words, said)


def far_above() -> Any:
    """The op at the end bounds the output in a way that no table has."""
    torch.manual_seed(1)
    return of(lambda s, x: 3.0 + torch.sigmoid(s.a(x)), a=nn.Linear(3, 4)).double()


def test_a_range_that_is_only_observed_is_suspected_and_never_verified():
    objective = objective_of(far_above(), nn.MSELoss(), TARGETS["numbers"])
    found = ending(objective)
    assert found.observed
    assert found.span == pytest.approx((3.0, 4.0), abs=1e-2)
    report = diagnose(objective).report
    assert (report["verdict"], report["subtype"], report["confidence"]) == (
        "broken",
        "output-range",
        "suspected",
    )
    assert "if they always do, the loss cannot fall below" in " ".join(report["why"])
    assert report["pytorch"] is None

    def train(settings: Any, seed: int, theta: Any) -> Any:
        settings.get("learning_rate", 0.1)
        module = far_above()
        if theta is not None:
            objective.put(theta, module)
        return module, None

    tried = diagnose(objective, train=train).report
    assert tried["verdict"] != "broken" or tried["confidence"] == "suspected"
    assert any("if they always do" in text for text in tried["warnings"])


def test_targets_that_a_few_outputs_cannot_reach_are_warned_of():
    y = torch.tanh(TARGETS["numbers"])
    y[0] = 1.5
    report = diagnose(objective_of(network(nn.Tanh()), nn.MSELoss(), y)).report
    assert report["verdict"] != "broken"
    (said,) = [text for text in report["warnings"] if "outside the range" in text]
    theirs = diagnose(landscape.from_torch(network(nn.Tanh()), nn.MSELoss(), (X, y)), budget="quick").report
    assert said in theirs["warnings"]
    assert any("the network without its last tanh" in text for text in report["not_assessed"])
