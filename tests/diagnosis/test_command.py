"""`landscape diagnose`: what it prints and writes, and the command that it gives to be run next."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest

from landscape.commands import main
from landscape.diagnosis.naming import free_name
from landscape.files import read_archive
from landscape.model import build_model, load_model, save_model
from landscape.training import train
from tests.diagnosis.examples import line, made


@pytest.fixture(scope="module")
def dead():
    return made("dead-units", steps=300)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return end.value.code or 0, captured.out, captured.err


def test_the_command_prints_json_writes_record_and_figures_and_its_next_runs_as_printed(
    dead, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    save_model(dead, "dead.npz")
    status, out, err = run(
        capsys, "diagnose", "dead.npz", "--json", "--threads", "1", "--apply", "better.npz"
    )
    told = json.loads(out)
    assert status == 0
    wanted = (
        "verdict",
        "subtype",
        "confidence",
        "accepted",
        "evidence",
        "ruled_out",
        "next",
        "not_assessed",
        "gain",
    )
    assert not [key for key in wanted if key not in told]
    assert {path.name for path in tmp_path.iterdir()} >= {
        "dead.diagnose.npz",
        "dead.diagnose.forks.png",
        "better.npz",
    }
    assert "wrote" in err
    assert "torch.optim.SGD(net.parameters(), lr=0.1), " in told["pytorch"]
    assert "from nn.init.kaiming_normal_ weights" in told["pytorch"]
    program, *words = shlex.split(told["next"])
    assert program == "landscape"
    assert run(capsys, *words, "--quiet")[0] == 0
    trained = load_model("dead.remedied.npz").history["train_loss"][-1]
    assert trained == pytest.approx(told["applied"]["after"]["train"], rel=1e-6)
    again = json.loads(run(capsys, "diagnose", "dead.npz", "--json", "--threads", "1", "--quiet")[1])
    assert shlex.split(again["next"])[:-1] == shlex.split(told["next"])[:-1]
    assert again["next"].endswith("-o dead.remedied2.npz"), "the first name is taken by now"


def test_the_name_of_a_remedied_model_follows_from_its_own_and_is_always_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def named(name: str) -> str:
        return free_name(replace(line(), path=tmp_path / name))

    assert named("a.npz") == "a.remedied.npz"
    assert named("a.remedied.npz") == "a.remedied2.npz"
    assert named("a.remedied2.npz") == "a.remedied3.npz"
    for taken in ("a.remedied.npz", "a.remedied2.npz", "a.remedied3.npz"):
        (tmp_path / taken).touch()
        assert named("a.npz") not in {path.name for path in tmp_path.iterdir()}
    assert named("a.remedied.npz") == "a.remedied4.npz"


def test_a_remedy_of_a_bare_file_is_printed_with_the_options_that_understood_it(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    x = np.linspace(-1, 1, 40)[:, None]
    np.savez(
        "bare.npz",
        W1=np.zeros((1, 3)),
        b1=np.zeros(3),
        W2=np.zeros((3, 1)),
        b2=np.zeros(1),
        x=x,
        y=np.tanh(x),
    )
    told = ["--activation", "tanh", "--loss", "mae", "--optimizer", "Adam", "--steps", "100"]
    report = json.loads(run(capsys, "diagnose", "bare.npz", *told, "--json", "--no-figure", "--quiet")[1])
    assert report["next"].split("bare.npz ")[1].startswith("--activation tanh --loss mae")
    assert report["recipe"]["spent"] == 100
    assert set(report["assumed"]) == {"learning_rate", "batch_size"}


def test_a_remedy_that_only_apply_can_run_is_printed_with_the_options_of_the_diagnosis(
    tmp_path, monkeypatch, capsys
):
    """Features whose variances differ by 10¹⁰ saturate the units; standardized, they do not."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    z = rng.standard_normal((250, 2))
    layers = [(rng.standard_normal((2, 8)), np.zeros(8)), (0.3 * rng.standard_normal((8, 1)), np.zeros(1))]
    given = {"layers": layers, "activation": "tanh", "loss": "mse"}
    y = np.sin(z[:, :1]) + z[:, 1:] ** 2
    model = build_model(x_train=z[:200] * [1e-2, 1e3], y_train=y[:200], **given)
    save_model(train(model, steps=300, learning_rate=1e-3, threads=1, dtype="float64"), "raw.npz")
    np.savez("held.npz", x=z[200:] * [1e-2, 1e3], y=y[200:])
    options = ["--learning-rate", "0.002", "--validation", "held.npz", "--json", "--quiet", "--no-figure"]
    status, out, _ = run(capsys, "diagnose", "raw.npz", *options)
    told = json.loads(out)
    assert (status, told["subtype"], told["remedy"]) == (0, "ill-conditioned", "fresh, standardized")
    assert told["pytorch"] == "x = (x - x_train.mean(0)) / x_train.std(0)  # for all splits"
    assert told["next"] == (
        "landscape diagnose raw.npz --learning-rate 0.002 --validation held.npz --apply raw.remedied.npz"
    )
    status, out, _ = run(capsys, *shlex.split(told["next"])[1:], "--quiet", "--no-figure", "--json")
    assert (status, json.loads(out)["applied"]["removed"] > 0.5) == (0, True)


def test_what_nobody_said_of_the_training_is_said_to_be_assumed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_model(line(), "m.npz")
    out = run(capsys, "diagnose", "m.npz", "--budget", "quick", "--no-figure", "--batch-size", "8")[1]
    (said,) = [part for part in " ".join(out.split()).split(" thresholds ") if "assumed" in part]
    assert "optimizer adam, learning rate 0.001, 1,000 updates (not in the file" in said
    assert "set by --optimizer, --learning-rate and --steps" in said
    assert "fresh, " not in out


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "-inf", "9" * 400])
@pytest.mark.parametrize(
    "option",
    [
        "--target-loss",
        "--learning-rate",
        "--momentum",
        "--weight-decay",
        "--batch-size",
        "--steps",
        "--epochs",
        "--threshold",
    ],
)
def test_a_number_that_cannot_be_is_refused_in_one_line_before_anything_runs(
    tmp_path, monkeypatch, capsys, option, value
):
    monkeypatch.chdir(tmp_path)
    save_model(line(), "m.npz")
    allowed = value == "0" and option in ("--momentum", "--weight-decay")
    text = f"large={value}" if option == "--threshold" else value
    status, out, err = run(
        capsys, "diagnose", "m.npz", "--budget", "quick", "--no-figure", f"{option}={text}"
    )
    if allowed:
        assert status == 0
        return
    assert (status, out) == (2, "")
    said = err.strip().splitlines()
    assert option.removeprefix("--").replace("-", "_") in said[-1].replace("-", "_")
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} == {"m.npz"}


def test_the_command_prints_a_table_with_the_verdict_first(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_model(line(), "m.npz")
    np.savez("held.npz", x=np.array([[0.5], [0.1]]), y=np.array([[1.0], [0.2]]))
    status, out, _ = run(
        capsys, "diagnose", "m.npz", "--budget", "quick", "--validation", "held.npz", "--no-figure"
    )
    assert (status, out.splitlines()[1].split()[:2]) == (0, ["verdict", "healthy"])
    assert run(capsys, "diagnose", "m.npz", "--threshold", "large", "--fresh")[0] == 2
    assert run(capsys, "diagnose", "m.npz", "--budget", "quick", "--fresh", "--apply", "o.npz")[0] == 1
    assert "o.npz" not in {path.name for path in tmp_path.iterdir()}
    assert "report" in read_archive("m.diagnose.quick.npz")
