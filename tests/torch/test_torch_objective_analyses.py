"""Every analysis takes a `TorchObjective` by itself, and its records are those that the engine makes of the same network."""

from __future__ import annotations

import itertools
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError, TorchObjective
from tests.running import run
from tests.torch.test_from_torch import data, draw

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

X, Y = data(4)
DATA = {"x_train": X, "y_train": Y, "x_test": X[:4] + 0.5, "y_test": Y[:4]}


def network() -> Any:
    torch.manual_seed(0)
    return draw(nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)))


def pair(dtype: str = "float64", weight_decay: float = 0.01) -> tuple[Any, TorchObjective]:
    """The same network as the engine's model and as PyTorch's objective."""
    module = network()
    model = landscape.from_torch(module, "cross_entropy", DATA, weight_decay=weight_decay)
    objective = TorchObjective(
        module, nn.CrossEntropyLoss(), (X, Y), test=(DATA["x_test"], DATA["y_test"]), weight_decay=weight_decay,
        dtype=dtype, batch_size=3,
    )  # fmt: skip
    assert tuple(slot.name for slot in model.layout) == objective.names
    return model, objective


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("direction", ["random", "gradient", "eigen"])
def test_a_scan_is_that_of_the_engine(direction, dtype, tolerance):
    model, objective = pair(dtype)
    ours = landscape.scan(objective, direction=direction, points=3)
    theirs = landscape.scan(model, direction=direction, points=3, dtype=dtype)
    if dtype == "float64" or direction == "random":
        assert np.allclose(ours.directions, theirs.directions, rtol=0, atol=1e-8)
        for name, values in theirs.values.items():
            assert np.allclose(ours.values[name], values, rtol=0, atol=max(tolerance, 1e-8))
    assert ours.values.keys() == theirs.values.keys()
    assert np.allclose(ours.penalty, theirs.penalty)
    for word in ("normalize", "loss", "splits", "directions"):
        assert ours.settings[word] == theirs.settings[word] or dtype == "float32"
    for split, values in theirs.center_values.items():
        assert ours.center_values[split] == pytest.approx(values, abs=tolerance)
    if direction == "random":
        for name, values in theirs.values.items():
            assert np.abs(ours.values[name] - values).max() < tolerance


def test_a_curvature_analysis_is_that_of_the_engine():
    model, objective = pair()
    asked = {"top": 3, "bottom": 2, "trace": True, "density": True, "by_node": True}
    ours, theirs = landscape.analyze_hessian(objective, **asked), landscape.analyze_hessian(model, **asked)
    assert np.allclose(ours.eigenvalues, theirs.eigenvalues, rtol=0, atol=1e-10)
    assert ours.estimates["trace"] == pytest.approx(theirs.estimates["trace"], rel=1e-9)
    assert ours.node_names == theirs.node_names == ("0", "1", "3")
    assert np.allclose(ours.node_eigenvalues, theirs.node_eigenvalues, rtol=0, atol=1e-10)
    assert np.allclose(ours.density["grid"], theirs.density["grid"])
    tested = landscape.analyze_hessian(objective, split="test", top=1, bottom=0, node="3")
    expected = landscape.analyze_hessian(model, split="test", top=1, bottom=0, node="3")
    assert np.allclose(tested.eigenvalues, expected.eigenvalues, rtol=0, atol=1e-10)


def test_sharpness_is_that_of_the_engine_without_what_needs_single_examples():
    model, objective = pair()
    names = ["lambda_max", "sam", "average", "relative_flatness", "weighted_lambda_max", "width"]
    ours = landscape.measure_sharpness(objective, measures=names)
    theirs = landscape.measure_sharpness(model, measures=names)
    for name in names:
        assert ours.measures[name][0] == pytest.approx(theirs.measures[name][0], rel=1e-6)
    with pytest.raises(InputError, match="fisher_rao needs the examples of a model"):
        landscape.measure_sharpness(objective, measures=["fisher_rao"])


def test_a_kind_of_point_is_said():
    line = nn.Linear(1, 1, bias=False)
    x = torch.tensor([[1.0], [2.0]])
    objective = TorchObjective(line, nn.MSELoss(), (x, 3 * x), dtype="float64")
    bottom = landscape.analyze_critical(objective, [3.0], surfaces=False)
    assert bottom.verdict["kind"] == "minimum"
    assert (
        landscape.analyze_critical(objective, surfaces=False, polishing=False).verdict["kind"]
        == "not critical"
    )


def run_of(module: Any) -> list[dict[str, Any]]:
    """Train in the usual way and keep the states, with the running statistics of each."""
    optimizer, states = torch.optim.SGD(module.parameters(), lr=0.3), []
    x, y = torch.tensor(X), torch.tensor(Y)
    module.train()
    for _ in range(5):
        states.append({name: value.clone() for name, value in module.state_dict().items()})
        optimizer.zero_grad()
        F.cross_entropy(module(x), y).backward()
        optimizer.step()
    return states


def test_a_run_is_read_from_states_and_files_with_the_statistics_of_each_checkpoint(tmp_path):
    module = network()
    states = run_of(module)
    objective = TorchObjective(module, nn.CrossEntropyLoss(), (X, Y), dtype="float64")
    record = landscape.trajectory(objective, checkpoints=states, points=3)
    for place, state in enumerate(states):
        module.load_state_dict(state)
        own = TorchObjective(module, nn.CrossEntropyLoss(), (X, Y), dtype="float64")
        assert record.values["train_loss"][place] == pytest.approx(own.value(own.theta), abs=1e-12)
    for step, state in zip((5, 10, 100, 200, 1000), states, strict=True):
        torch.save({"state_dict": state, "step": step}, tmp_path / f"step{step}.ckpt")
    (tmp_path / "notes.txt").write_text("no checkpoint")
    told: list[str] = []
    again = landscape.trajectory(objective, checkpoints=tmp_path, points=3, announce=told.append)
    assert again.step.tolist() == [5, 10, 100, 200, 1000]
    assert np.array_equal(again.values["train_loss"], record.values["train_loss"])
    assert any("the checkpoints have their own" in sentence for sentence in told)
    with pytest.raises(InputError, match="expected a folder of checkpoints"):
        landscape.trajectory(objective, checkpoints=tmp_path / "none", points=3)


def test_metrics_stand_beside_the_loss():
    module = network()
    objective = TorchObjective(
        module, nn.CrossEntropyLoss(), (X, Y), test=(X[:4], Y[:4]), batch_size=3,
        metrics={"margin": lambda output, target: output.max(1).values.mean()},
    )  # fmt: skip
    record = landscape.scan(objective, points=3, dimensions=1)
    assert set(record.values) == {"train_loss", "train_margin", "test_loss", "test_margin"}
    with torch.no_grad():
        expected = float(module.eval()(torch.tensor(X)).max(1).values.mean())
    assert record.values["train_margin"][1] == pytest.approx(expected, rel=1e-6)
    assert objective.metrics(objective.theta)["margin"] == pytest.approx(expected, rel=1e-6)


def test_a_users_metrics_stand_in_the_evaluation_and_are_the_engines_of_the_same_name():
    module = network()

    def top2(output, target):
        return (output.topk(2, dim=1).indices == target[:, None]).any(1).double().mean()

    objective = TorchObjective(module, nn.CrossEntropyLoss(), (X, Y), dtype="float64", metrics={"top2": top2})
    model = landscape.from_torch(module, "cross_entropy", {"x_train": X, "y_train": Y})
    engine = landscape.NetworkObjective(model, metrics="top2")
    direction = np.random.default_rng(5).standard_normal((1, objective.size))
    for theta in (objective.theta, objective.theta + direction[0]):
        found = objective.evaluate(theta)
        assert found.accuracy is None
        assert found.metrics == pytest.approx(engine.evaluate(theta).metrics, rel=1e-12)
    one = landscape.scan(objective, points=3, direction=direction)
    other = landscape.scan(model, points=3, direction=direction, dtype="float64", metrics="top2")
    np.testing.assert_allclose(one.values["train_top2"], other.values["train_top2"], rtol=1e-12)
    assert one.center_values["train"]["top2"] == other.center_values["train"]["top2"]


def test_between_two_states_goes_from_one_to_the_other(tmp_path):
    module, other = network(), network()
    with torch.no_grad():
        other[3].weight.add_(0.3)
    torch.save(other.state_dict(), tmp_path / "other.pt")
    objective = TorchObjective(module, nn.CrossEntropyLoss(), (X, Y), dtype="float64")
    end = TorchObjective(other, nn.CrossEntropyLoss(), (X, Y), dtype="float64")
    for to in (tmp_path / "other.pt", other.state_dict()):
        line = landscape.scan(objective, direction="between", to=to, dimensions=1, points=2)
        assert line.values["train_loss"][1] == pytest.approx(end.value(end.theta), abs=1e-12)


def test_a_scan_that_was_cut_short_is_taken_up_by_the_same_network_alone(tmp_path):
    path, calls = tmp_path / "cut.npz", itertools.count()

    class Counting(nn.Linear):
        def forward(self, x):
            next(calls)
            return super().forward(x)

    torch.manual_seed(0)
    module = Counting(4, 3)
    again = Counting(4, 3)
    again.load_state_dict(module.state_dict())

    def scanned(module: Any, given: Any = (X, Y), **options: Any) -> Any:
        objective = TorchObjective(module, nn.CrossEntropyLoss(), given, dtype="float64")
        return landscape.scan(objective, points=20, output=path, **options)

    def stop(share: float, words: str) -> None:
        if share > 0.5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        scanned(module, progress=stop)
    assert not landscape.load_record(path).finished
    with pytest.raises(InputError, match="other data"):
        scanned(again, (X + 1, Y))
    other = nn.Linear(4, 3)
    other.load_state_dict(module.state_dict())
    with pytest.raises(InputError, match="another model"):
        scanned(other)
    before = next(calls)
    record = scanned(again)
    # The second half, the centre and the trials; not the 400 points anew.
    assert next(calls) - before < 300
    assert record.finished
    whole = landscape.scan(TorchObjective(module, nn.CrossEntropyLoss(), (X, Y), dtype="float64"), points=20)
    assert np.array_equal(record.values["train_loss"], whole.values["train_loss"])


PROGRAM = """
import torch
from torch import nn


def make():
    torch.manual_seed(0)
    x = torch.randn(20, 4)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3)), nn.CrossEntropyLoss(), (x, x.argmax(1) % 3)


def failing():
    module, loss, (x, y) = make()
    return module, lambda output, target: output @ target, (x, y)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(PROGRAM, encoding="utf-8")
    names: dict[str, Any] = {}
    exec(PROGRAM, names)
    return names["make"]()


def test_commands_take_a_module_of_a_program_with_the_weights_of_a_checkpoint(program, capsys):
    module, loss, given = program
    with torch.no_grad():
        module[2].weight.mul_(2)
    torch.save(module.state_dict(), "last.pt")
    expected = TorchObjective(module, loss, given)
    assert run("scan", "net.py:make", "--weights", "last.pt", "--points", "3", "--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["center"]["train"]["loss"] == expected.evaluate(expected.theta).loss
    assert "net.make.scan.points3.last.pt.npz" in told["files"]
    assert run("sharpness", "net.py:make", "--measure", "sam", "--json", "--quiet", "--no-figure") == 0


def test_a_loss_that_fails_is_told_by_its_line(program, capsys):
    assert run("scan", "net.py:failing", "--points", "3") == 2
    error = capsys.readouterr().err
    assert "fails on a batch: RuntimeError" in error
    assert "net.py:14)" in error
    assert error.count("\n") == 1


def test_a_module_that_is_changed_is_another_function():
    module = network()

    def known(**options: Any) -> str:
        return str(
            TorchObjective(module, options.pop("loss", nn.CrossEntropyLoss()), (X, Y), **options).about.model
        )

    first = known()
    assert known() == first
    assert known(loss=nn.CrossEntropyLoss(label_smoothing=0.1)) != first
    assert known(loss=lambda output, target: F.cross_entropy(output, target)) != first
    assert known(weight_decay=0.1) != first
    assert known(parameters="3") != first
    with torch.no_grad():
        module[3].bias.add_(1)
    assert known() == first
    assert known(parameters="0") != known(parameters="3")
    module[1].running_mean.add_(1)
    assert known() != first
