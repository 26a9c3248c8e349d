"""`landscape info`: what it says of a model file, to people and to programs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.commands import main
from landscape.model import build_model, load_model, save_model
from tests.model.examples import P, arrays, bare, header, write


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run the command in a folder of its own: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["info", *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def small(**changes):
    """Build a network whose loss and accuracy are known: its output is its input times five."""
    content = {
        "nodes": [{"name": "fc", "op": "dense"}],
        "parameters": {"fc.weight": 5 * np.eye(2)},
        "loss": "cross_entropy",
        "x_train": np.eye(2),
        "y_train": np.array([0, 1]),
        "x_test": np.eye(2)[[0, 0, 0, 1]],
        "y_test": np.array([0, 1, 1, 1]),
        "name": "twice",
    }
    return build_model(**content | changes)


LOSS = np.log1p(np.exp(-5))  # of a right answer; a wrong one costs 5 more


def test_losses_and_accuracies_are_those_of_the_formula(run):
    save_model(small(), "m.npz")
    status, out, _ = run("m.npz", "--json")
    summary = json.loads(out)
    assert status == 0
    assert summary["losses"]["train"] == {"loss": pytest.approx(LOSS), "accuracy": 1.0}
    assert summary["losses"]["test"] == {"loss": pytest.approx(LOSS + 2.5), "accuracy": 0.5}
    assert summary["penalty"] == 0.0
    assert summary["not_evaluated"] is None


def test_a_person_reads_the_same_numbers(run):
    save_model(small(weight_decay=0.5), "m.npz")
    status, out, err = run("m.npz")
    assert status == 0
    for fragment in (
        "twice (m.npz, full form)",
        "fc     dense  input  [N, 2]           4",
        "4 parameters",
        "loss: cross_entropy, weight decay 0.5",
        f"train  loss  {LOSS:.6g}",
        "accuracy  0.5",
        "penalty 12.5",
        "4 examples",
    ):
        assert fragment in out
    assert "Error" not in err


def test_the_graph_is_told_node_by_node(run, tmp_path):
    write(tmp_path / "m.npz", without_batchnorm(), header_without_batchnorm())
    summary = json.loads(run("m.npz", "--json")[1])
    nodes = {node["name"]: node for node in summary["nodes"]}
    assert nodes["act1"]["attributes"] == {"slope": 0.2}
    assert nodes["sum"]["inputs"] == ["again", "act1"]
    assert nodes["again"]["parameters_of"] == "fc2"
    assert nodes["fc2"]["parameters"] == 30
    assert nodes["out"]["shape"] == [3]
    assert summary["frozen"] == 30
    assert summary["history"]["train_loss"] == {"length": 3, "first": 1.0, "last": 0.5}
    text = run("m.npz")[1]
    for fragment in ("leaky_relu slope=0.2", "again, act1", "of fc2", "30 frozen", "history of train_loss"):
        assert fragment in text


def header_without_batchnorm():
    head = header()
    del head["nodes"][1]
    return head


def without_batchnorm():
    other = ("bn.", "checkpoints", "optimizer")
    return {key: array for key, array in arrays().items() if not key.startswith(other)}


def test_a_convolution_is_evaluated_and_its_memory_told(run, tmp_path):
    nodes = [
        {"name": "c", "op": "conv2d"},
        {"name": "g", "op": "globalavgpool"},
    ]
    model = build_model(
        nodes=nodes,
        parameters={"c.weight": np.ones((2, 1, 3, 3))},
        loss="cross_entropy",
        x_train=np.ones((2, 1, 4, 4)),
        y_train=np.array([0, 1]),
    )
    save_model(model, "m.npz")
    status, out, _ = run("m.npz", "--json")
    summary = json.loads(out)
    assert status == 0
    assert summary["parameters"] == 18
    assert summary["losses"]["train"]["loss"] == pytest.approx(np.log(2))
    assert summary["workspace"]["tile"] == 16
    assert "tiles of 16 examples" in run("m.npz")[1]


def test_everything_a_file_holds_is_told(run, tmp_path):
    write(tmp_path / "m.npz", arrays(), header())
    text = run("m.npz")[1]
    for fragment in (
        f"{P} parameters",
        "30 frozen",
        "10 buffers",
        "2 checkpoints, steps 0 to 10",
        "the optimizer's m",
    ):
        assert fragment in text


def test_what_was_inferred_of_a_bare_file_is_said(run, tmp_path):
    write(tmp_path / "m.npz", bare())
    status, out, _ = run("m.npz", "--activation", "tanh")
    assert status == 0
    for sentence in load_model("m.npz", activation="tanh").inferred:
        assert sentence in out
    assert "bare form" in out


def test_a_nan_is_no_error_but_a_sentence(run):
    model = small(parameters={"fc.weight": np.array([[5, np.nan], [0, 5]])}, allow_nonfinite=True)
    save_model(model, "m.npz")
    status, out, _ = run("m.npz", "--json")
    summary = json.loads(out)
    assert status == 0
    assert summary["not_finite"] == ["fc.weight: 1 value is not finite, the first, nan, at [0, 1]"]
    assert summary["losses"]["train"]["loss"] is None
    assert "not finite:\n  fc.weight" in run("m.npz")[1]


def test_a_bad_file_is_one_line_and_status_2(run, tmp_path):
    (tmp_path / "m.npz").write_bytes(b"nothing")
    for name in ("m.npz", "absent.npz"):
        status, out, err = run(name)
        assert (status, out) == (2, "")
        assert err.startswith(f"Error: {name}: ")
        assert err.count("\n") == 1


def test_options_of_the_bare_form_are_refused_for_a_full_file(run):
    save_model(small(), "m.npz")
    status, _, err = run("m.npz", "--loss", "mse")
    assert status == 2
    assert "--loss is for files of weights without a header" in err


def test_regression_has_no_accuracy(run):
    save_model(small(loss="mse", y_train=np.zeros((2, 2)), y_test=np.zeros((4, 2))), "m.npz")
    assert json.loads(run("m.npz", "--json")[1])["losses"]["train"]["accuracy"] is None
    assert "accuracy" not in run("m.npz")[1]


@pytest.mark.parametrize(
    ("slope", "offset", "remarked"),
    [(0.0, 0.0, True), (0.02, 0.05, True), (1.0, 0.0, False), (0.0, 3.0, False)],
)
def test_a_network_that_learned_only_the_mean_is_remarked_on(run, slope, offset, remarked):
    x = np.linspace(-1, 1, 20)[:, None]
    y = 2.0 * x + 0.7
    parameters = {"fc.weight": np.array([[2.0 * slope]]), "fc.bias": np.array([0.7 + offset])}
    save_model(
        small(parameters=parameters, loss="mse", x_train=x, y_train=y, x_test=None, y_test=None), "m.npz"
    )
    status, out, _ = run("m.npz")
    assert status == 0
    assert ("y.unsqueeze(1)" in out) == remarked
    assert bool(json.loads(run("m.npz", "--json")[1])["remarks"]) == remarked
