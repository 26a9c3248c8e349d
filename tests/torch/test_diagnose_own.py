"""A network that PyTorch evaluates is diagnosed by its user's own training: what a training mends is verified, what it does not take is said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError, TorchObjective, diagnose
from landscape.commands import main
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import scores

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def one_thread():
    """Products as small as these are slower on several threads, and slow where others compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


torch.manual_seed(0)
X = torch.randn(120, 3)
LINE = X @ torch.tensor([[1.0], [-2.0], [0.5]])
CURVED = (X[:, :1] * X[:, 1:2] > 0).float() * 2 - 1


def line() -> Any:
    return nn.Linear(3, 1)


def objective_of(module: Any, y: Any = LINE, test: Any = None) -> TorchObjective:
    return TorchObjective(module, nn.MSELoss(), (X, y), test=test)


class Descent:
    """Gradient descent on all examples from a place, by the settings that are named; it counts its calls."""

    def __init__(
        self, objective: TorchObjective, usual: dict[str, Any], make: Any = line, y: Any = LINE
    ) -> None:
        self.objective, self.usual, self.make, self.y = objective, usual, make, y
        self.calls: list[tuple[dict[str, Any], int]] = []
        self.stop_at = 10**6

    def __call__(self, settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        if len(self.calls) == self.stop_at:
            raise KeyboardInterrupt
        self.calls.append((dict(getattr(settings, "values_given", settings)), seed))
        now = {name: settings.get(name, value) for name, value in self.usual.items()}
        torch.manual_seed(seed)
        module = self.make(now["width"]) if "width" in now else self.make()
        if theta is not None:
            self.objective.put(theta, module)
        kind = torch.optim.Adam if now.get("optimizer") == "adam" else torch.optim.SGD
        optimizer = kind(
            module.parameters(), lr=now.get("learning_rate", 0.1), weight_decay=now.get("weight_decay", 0.0)
        )
        count = round(len(X) * now.get("data_share", 1.0))
        log = []
        for _ in range(now.get("steps", 30)):
            optimizer.zero_grad()
            loss = F.mse_loss(module(X[:count]), self.y[:count])
            loss.backward()
            optimizer.step()
            log.append(loss.item())
        return module, {"loss": log}


def zeros() -> Any:
    module = line()
    nn.init.zeros_(module.weight)
    nn.init.zeros_(module.bias)
    return module


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
    assert not any(text.startswith("broken") and "range" in text for text in report["ruled_out"])


def test_a_wider_network_verifies_bias():
    def make(width: float = 1.0) -> Any:
        units = 64 if width > 1 else 6
        return nn.Sequential(nn.Linear(3, units), nn.Tanh(), nn.Linear(units, 1))

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        """Solve the last layer."""
        torch.manual_seed(seed)
        net = make(settings.get("width", 1.0))
        if theta is not None:
            objective.put(theta, net)
        with torch.no_grad():
            features = torch.cat([net[:2](X), torch.ones(len(X), 1)], 1)
            solved = torch.linalg.lstsq(features, CURVED).solution
            net[2].weight.copy_(solved[:-1].T)
            net[2].bias.copy_(solved[-1])
        return net, None

    torch.manual_seed(1)
    objective = objective_of(make(), CURVED)
    objective.load(train({}, 3, None)[0].state_dict())
    report = diagnose(objective, train=train).report
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


def test_what_changes_nothing_is_no_intervention():
    objective = objective_of(zeros())

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        settings.get("learning_rate", 0.1)
        torch.manual_seed(seed)
        return line(), []

    report = diagnose(objective, train=train).report
    missing = " ".join(report["not_assessed"])
    assert "does not take the start" in missing
    assert (
        "a fresh start at a tenth of the rate: the function gives the same with {'learning_rate': 0.01} as without"
        in missing
    )
    assert {o["name"] for o in report["evidence"]["outcomes"]} == {"fresh"}


def test_a_function_may_say_that_it_does_not_take_a_setting():
    objective = objective_of(zeros())

    def fit(objective: Any, theta: Any, seed: int, learning_rate: float = 1e-4) -> Any:
        if theta is None:
            raise NotImplementedError("always from θ")
        return theta - learning_rate * objective.gradient(theta)

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        return fit(objective, theta, seed, **settings), None

    report = diagnose(objective, train=train, learning_rate=1e-4).report
    names = {o["name"] for o in report["evidence"]["outcomes"]}
    assert names == {"longer", "rate/10", "rate×10", "rate×100", "rate×1000"}
    assert any(
        text.startswith("a fresh start: the function does not take it") for text in report["not_assessed"]
    )


def test_an_interrupted_diagnosis_goes_on_with_the_trainings_that_are_left(tmp_path):
    path = tmp_path / "own.npz"
    objective = objective_of(zeros())
    whole = Descent(objective, {"learning_rate": 1e-4})
    expected = diagnose(objective, train=whole).report
    cut = Descent(objective, {"learning_rate": 1e-4})
    cut.stop_at = 5
    with pytest.raises(KeyboardInterrupt):
        diagnose(objective, train=cut, output=path)
    rest = Descent(objective, {"learning_rate": 1e-4})
    found = diagnose(objective, train=rest, output=path)
    assert cut.calls + rest.calls == whole.calls
    assert found.report == expected
    assert landscape.load_record(path).report == expected
    assert diagnose(objective, train=rest, output=path).report == expected
    assert len(cut.calls) + len(rest.calls) == len(whole.calls)


def test_a_function_that_trains_the_module_itself_leaves_it_as_it_was():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).train()
    objective = objective_of(module)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        torch.manual_seed(seed)
        optimizer = torch.optim.SGD(module.parameters(), lr=settings.get("learning_rate", 0.01))
        for _ in range(3):
            optimizer.zero_grad()
            F.mse_loss(module(X), LINE).backward()
            optimizer.step()
        return module.state_dict(), None

    report = diagnose(objective, train=train).report
    assert report["evidence"]["outcomes"]
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert module.training
    assert all(p.grad is None for p in module.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_buffers_of_a_returned_state_count():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
    objective = objective_of(module)
    trainer = landscape.diagnosis.own_training.Trainer(
        lambda *_: (other.state_dict(), None), objective.about, {}
    )
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    other(X)
    other.eval()
    expected = F.mse_loss(other(X), LINE).item()
    found = trainer({}, 0, None)
    assert found is not None
    assert found.losses["train"] == pytest.approx(expected, rel=1e-5)


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


def returns(found: Any) -> Any:
    return lambda settings, seed, theta: found


def fails(settings: Any, seed: int, theta: Any) -> Any:
    return settings["learning_rate"]


REFUSED = {
    "no pair": (returns(3), r"train: expected \(θ, history\), found a int: return"),
    "short": (
        returns((np.zeros(2), None)),
        r"expected θ of shape \[4\], found \[2\]: return the trained module",
    ),
    "words": (returns(("abc", None)), r"expected θ, found a str"),
    "history": (returns((np.zeros(4), "abc")), r"expected a history of numbers, found 'str'"),
    "fails": (
        fails,
        r"KeyError: .*settings\.get\(\"learning_rate\", your value\).*test_diagnose_own\.py:\d+",
    ),
    "no function": (3, r"train: expected a function"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_training_cannot_be_is_one_line(name):
    train, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        diagnose(objective_of(zeros()), train=train)
    assert "\n" not in str(caught.value)


def test_a_training_is_for_an_objective_and_an_objective_has_to_tell_of_itself():
    model = landscape.from_torch(line(), "mse", (X, LINE))
    with pytest.raises(InputError, match=r"train, constant_loss: are for a TorchObjective"):
        diagnose(model, train=returns(None))
    with pytest.raises(InputError, match=r"needs a model, or a TorchObjective"):
        diagnose(landscape.CallableObjective(lambda theta: 0.0, size=1))


def test_a_training_that_diverges_is_seen_as_one():
    objective = objective_of(zeros())
    train = Descent(objective, {"learning_rate": 5.0, "steps": 400})
    report = diagnose(objective, train=train).report
    by_name = {o["name"]: o for o in report["evidence"]["outcomes"]}
    assert by_name["longer"]["diverged"] == 3
    assert by_name["rate/10"]["diverged"] == 0
    assert (report["verdict"], report["confidence"]) == ("optimization", "verified")


PROGRAM = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(60, 3)
y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
module = nn.Linear(3, 1)
nn.init.zeros_(module.weight)


def make():
    return module, nn.MSELoss(), (x, y)


def train(settings, seed, theta):
    torch.manual_seed(seed)
    net = nn.Linear(3, 1)
    if theta is not None:
        nn.utils.vector_to_parameters(torch.tensor(theta, dtype=torch.float32), net.parameters())
    optimizer = torch.optim.SGD(net.parameters(), lr=settings.get("learning_rate", 1e-4))
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x), y).backward()
        optimizer.step()
    return net, None
"""


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(list(arguments))
    return int(exit_.value.code or 0)


def test_the_command_line_takes_the_function_of_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(PROGRAM)
    assert run("diagnose", "net.py:make", "--train", "train", "--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["subtype"], told["confidence"]) == (
        "optimization",
        "unfinished",
        "verified",
    )
    assert {file.rpartition("/")[2] for file in told["files"]} == {
        "net.make.diagnose.train-train.npz",
        "net.make.diagnose.train-train.networks.png",
    }
    assert run("diagnose", "net.py:make", "--quiet") == 0
    assert "give train=function" in " ".join(capsys.readouterr().out.split())
    for arguments, message in {
        ("net.py:make", "--train", "trian"): "did you mean 'train'?",
        ("net.py:make", "--apply", "out.npz"): "--apply: is for a model",
        ("net.py:make", "--threads", "1"): "--threads: is for a model",
        ("model.npz", "--train", "train"): "--train: is for FILE.py:NAME",
    }.items():
        assert run("diagnose", *arguments) == 2
        assert message in capsys.readouterr().err


def test_a_report_holds_the_diagnosis_and_every_analysis(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(PROGRAM)
    assert run("report", "net.py:make", "--train", "train", "--budget", "quick", "--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    page = (tmp_path / "net.make.report.html").read_text()
    assert told["files"] == ["net.make.report.html"]
    assert "landscape hessian net.py:make --all" in page
    assert "computed by" in page
    assert "no checkpoints of the run were given" in page
    assert "fisher_rao" not in page
    assert run("report", "net.make.npz", "--train", "train") == 2
    assert "--train: is for FILE.py:NAME" in capsys.readouterr().err


@pytest.mark.parametrize("own", [0, 1, 42])
def test_a_network_from_a_small_seed_is_not_taken_for_a_function_that_ignores_its_start(own):
    def make() -> Any:
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))

    torch.manual_seed(own)
    objective = objective_of(make())
    report = diagnose(objective, train=Descent(objective, {"learning_rate": 1e-4, "steps": 5}, make)).report
    assert not [said for said in report["not_assessed"] if "does not take the start" in said]


def test_a_report_of_an_objective_in_the_library():
    objective = objective_of(zeros())
    train = Descent(objective, {"learning_rate": 1e-4})
    states = [train({}, seed, None)[0].state_dict() for seed in range(1, 5)]
    train.calls.clear()
    found = landscape.make_report(objective, train=train, checkpoints=states, budget="quick")
    assert [section.title for section in found.sections][:2] == ["Verdict", "Why"]
    assert set(found.records) == {"diagnose", "scan", "critical", "hessian", "sharpness", "trajectory"}
    assert train.calls == []
    with pytest.raises(InputError, match="needs a model, or a TorchObjective"):
        landscape.make_report(landscape.CallableObjective(lambda theta: 0.0, size=1))
