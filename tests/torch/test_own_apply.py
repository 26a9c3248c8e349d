"""The remedy of a user's own training applied: it is the very trial that won, its network is written, and what ends worse is not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError, TorchObjective, apply_remedy, diagnose
from tests.running import run
from tests.torch.own_training import CURVED, LINE, PROGRAM, Descent, Solved, X, line, objective_of, zeros

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]


def diagnosed(**usual: Any) -> tuple[TorchObjective, Descent, Any]:
    objective = objective_of(zeros(), LINE, (X + 0.1, LINE - 0.05))
    train = Descent(objective, {"learning_rate": 1e-4} | usual)
    return objective, train, diagnose(objective, train=train)


def test_the_training_that_won_is_run_again_and_its_network_written(tmp_path):
    objective, train, record = diagnosed()
    before, path = list(train.calls), tmp_path / "net.pt"
    found = apply_remedy(objective, record, path, train=train)
    (again,) = train.calls[len(before) :]
    assert again in before
    assert found["as_tried"]
    assert found["after"] == pytest.approx(found["trial"], rel=1e-9)
    losses = record.series["runs.rate×1000.train_loss"][:, 0]
    assert found["after"]["train"] == losses.min()
    assert found["removed"] > 0.9
    assert found["before"]["train"] == pytest.approx(objective.value(objective.theta))
    other = objective_of(line())
    other.load(path)
    assert other.value(other.theta) == pytest.approx(losses.min(), rel=1e-6)
    # The objective's own module is as it was.
    assert not objective.host.theta().any()


def test_the_call_that_is_printed_is_the_trial():
    objective, train, record = diagnosed()
    module, _ = eval(record.report["next"], {"train": train, "theta": objective.theta})
    other = objective_of(module)
    assert other.value(other.theta) == record.series["runs.rate×1000.train_loss"][:, 0].min()


def test_a_wider_network_is_written_as_it_is(tmp_path):
    train = Solved()
    objective = train.objective
    record = diagnose(objective, train=train)
    found = apply_remedy(objective, record, tmp_path / "wide.pt", train=train)
    assert (found["remedy"], found["as_tried"]) == ("wider", True)
    wide = train.network(2.0)
    wide.load_state_dict(torch.load(tmp_path / "wide.pt", weights_only=True))
    assert F.mse_loss(wide(X), CURVED).item() == pytest.approx(found["after"]["train"], rel=1e-5)


RETURNS = {
    "module": lambda module: module,
    "state dict": lambda module: module.state_dict(),
    "θ": lambda module: torch.nn.utils.parameters_to_vector(module.parameters()),
    "array": lambda module: (
        torch.nn.utils.parameters_to_vector(module.parameters()).detach().double().numpy()
    ),
}


@pytest.mark.parametrize("kind", RETURNS)
def test_whatever_the_function_returns_is_copied_before_its_module_is_put_back(kind, tmp_path):
    module = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
    objective = objective_of(module)

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        """Train the objective's own module, which is lent for it."""
        torch.manual_seed(seed)
        if theta is None:
            module[1].reset_parameters()
        optimizer = torch.optim.SGD(module.parameters(), lr=settings.get("learning_rate", 1e-4))
        module.train(kind != "θ" and kind != "array")
        for _ in range(30):
            optimizer.zero_grad()
            F.mse_loss(module(X), LINE).backward()
            optimizer.step()
        return RETURNS[kind](module), None

    path = tmp_path / "net.pt"
    found = apply_remedy(objective, diagnose(objective, train=train), path, train=train)
    other = objective_of(nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1)))
    other.load(path)
    assert other.value(other.theta) == pytest.approx(found["after"]["train"], rel=1e-5)
    assert found["after"]["train"] < 0.5 * found["before"]["train"]


def test_what_ends_worse_than_it_started_is_not_written(tmp_path):
    objective, train, record = diagnosed()
    path = tmp_path / "net.pt"

    def worse(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        module = train(settings, seed, theta)[0]
        with torch.no_grad():
            module.bias += 100.0
        return module, None

    with pytest.raises(
        InputError, match=r"run once more, ends worse with each of 3 seeds \(train loss .*nothing is written"
    ):
        apply_remedy(objective, record, path, train=worse)
    assert not path.exists()


def test_a_seed_that_ends_badly_is_followed_by_the_next_one(tmp_path):
    objective, train, record = diagnosed()
    losses, said, seen = record.series["runs.rate×1000.train_loss"][:, 0], [], []

    def once(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        module = train(settings, seed, theta)[0]
        if not seen:
            with torch.no_grad():
                module.bias += 100.0
        seen.append(seed)
        return module, None

    found = apply_remedy(objective, record, tmp_path / "net.pt", train=once, announce=said.append)
    assert f"{seen[0]}," in record.report["next"]
    assert found["seed"] == seen[1] != seen[0]
    assert found["after"]["train"] == np.sort(losses)[1]
    assert found["as_tried"]
    assert f"seed {seen[0]} ends worse than it started (train loss " in " ".join(said)
    other = objective_of(line())
    other.load(tmp_path / "net.pt")
    assert other.value(other.theta) == pytest.approx(np.sort(losses)[1], rel=1e-6)


def test_the_seed_that_is_recommended_is_none_that_costs_held_out_data():
    """Held-out data want 0.2 of the third input, training data 0.5: the seed that comes to 0.5 is best on these, and worse than 0 on those."""
    far = torch.zeros(8, 3)
    far[:, 2] = torch.linspace(-10, 10, 8)
    objective = objective_of(zeros(), LINE, (far, 0.2 * far[:, 2:]))
    thirds: dict[int, float] = {}

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        third = thirds.setdefault(seed, (0.25, 0.5, 0.3)[len(thirds) % 3])
        return np.array([1.0, -2.0, third, 0.0]), None

    record = diagnose(objective, train=train)
    (seed,) = (seed for seed, third in thirds.items() if third == 0.3)
    assert f", {seed}, " in record.report["next"]
    assert apply_remedy(objective, record, train=train)["seed"] == seed


def test_held_out_data_that_lose_are_worse_too():
    """Two weights of three are right, and the held-out data ask for the third one."""
    far = torch.zeros(8, 3)
    far[:, 2] = torch.linspace(-10, 10, 8)
    objective = objective_of(zeros(), LINE, (far, 0.5 * far[:, 2:]))
    train = Descent(objective, {"learning_rate": 1e-4})

    def overfitted(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        return np.array([1.0, -2.0, -0.5, 0.0]), None

    record = diagnose(objective, train=train)
    assert apply_remedy(objective, record, train=train)["as_tried"]
    with pytest.raises(InputError, match="ends worse"):
        apply_remedy(objective, record, train=overfitted)


def test_a_training_that_its_seed_does_not_determine_is_said(tmp_path):
    objective, train, record = diagnosed()

    def other(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        return train(settings, seed, theta)[0].weight.new_tensor([1.0, -2.0, 0.4, 0.0]), None

    found = apply_remedy(objective, record, tmp_path / "net.pt", train=other)
    assert not found["as_tried"]
    assert (tmp_path / "net.pt").exists()
    from landscape.commands.diagnose_report import diagnosis_table

    assert "the function's result depends on something else as well" in " ".join(
        diagnosis_table(record, found).split()
    )


def test_a_change_of_the_network_is_told_in_words(tmp_path):
    module = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())
    y = (LINE > 0).float()
    objective = TorchObjective(module, nn.BCEWithLogitsLoss(), (X, y))
    record = diagnose(objective, train=Descent(objective, {}))
    with pytest.raises(
        InputError, match=r"leave the sigmoid out.*in PyTorch: delete nn\.Sigmoid\(\).*BCEWithLogitsLoss"
    ):
        apply_remedy(objective, record, tmp_path / "net.pt", train=Descent(objective, {}))


def test_what_cannot_be_applied_is_one_line(tmp_path):
    objective, train, record = diagnosed()
    healthy = objective_of(torch.nn.Linear(3, 1))
    with torch.no_grad():
        healthy.host.module.weight.copy_(torch.tensor([[1.0, -2.0, 0.5]]))
        healthy.host.module.bias.zero_()
    healthy = objective_of(healthy.host.module)
    model = landscape.from_torch(zeros(), "mse", (X, LINE))
    for call, message in (
        (lambda: apply_remedy(objective, record), r"expected train=….*found none"),
        (lambda: apply_remedy(objective, record, train=3), r"expected train=….*found int"),
        (lambda: apply_remedy(objective, record, tmp_path / "net.npz", train=train), r"net\.npz: expected the name of a checkpoint"),
        (lambda: apply_remedy(objective, record, tmp_path / "no" / "net.pt", train=train), "cannot be written"),
        (lambda: apply_remedy(objective_of(line()), record, train=train), "the diagnosis is of another network"),
        (lambda: apply_remedy(healthy, diagnose(healthy, train=train), train=train), "nothing to train for the verdict healthy"),
        (lambda: apply_remedy(objective, diagnose(objective), train=train), "nothing to train for the verdict"),
        (lambda: apply_remedy(model, record, train=train), "train: is for a TorchObjective"),
        (
            lambda: apply_remedy(landscape.CallableObjective(lambda theta: 0.0, size=1), record, train=train),
            "apply_remedy needs a model, or a TorchObjective",
        ),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_the_command_writes_a_checkpoint_that_weights_reads(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(PROGRAM)
    common = ("diagnose", "net.py:make", "--quiet", "--no-figure")
    assert run(*common, "--train", "train", "--apply", "fixed.pt", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["applied"]["as_tried"]
    assert "fixed.pt" in told["files"]
    # The record is taken up, and the training run again.
    assert run(*common, "--train", "train", "--apply", "again.pt") == 0
    assert f"train loss {told['applied']['before']['train']:.4g} → " in capsys.readouterr().out
    one, other = (torch.load(name, weights_only=True) for name in ("fixed.pt", "again.pt"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert (
        run(
            "diagnose",
            "net.py:make",
            "--weights",
            "fixed.pt",
            "--json",
            "--quiet",
            "--no-figure",
            "--output",
            "b",
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out)["evidence"]["train_loss"] == pytest.approx(
        told["applied"]["after"]["train"], rel=1e-5
    )


def test_what_the_command_cannot_apply_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(PROGRAM)
    for arguments, message in (
        (("--apply", "out.pt"), "give --train NAME too"),
        (("--train", "train", "--apply", "out.npz"), "expected the name of a checkpoint (.pt, .pth, .ckpt, .bin)"),
        (("--train", "train", "--apply", "no/out.pt"), "cannot be written"),
        (("--train", "train", "--apply", "net.py"), "expected the name of a checkpoint"),
        (("--validation", "x.npz"), "--validation: is for a model"),
    ):  # fmt: skip
        assert run("diagnose", "net.py:make", *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
    assert not list(tmp_path.glob("*.npz"))
    arguments = ("--train", "train", "--budget", "quick", "--apply", "out.pt", "--quiet")
    assert run("diagnose", "net.py:make", *arguments) == 1
    assert "nothing to train for the verdict" in capsys.readouterr().err
    assert not (tmp_path / "out.pt").exists()
