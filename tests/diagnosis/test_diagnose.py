"""Networks from end to end: the verdict, the record, the remedy; small budgets of updates keep it short."""

import json
import math
import re
import shlex
from dataclasses import replace

import numpy as np
import pytest

from landscape.commands import main
from landscape.diagnosis import apply_remedy, diagnose
from landscape.diagnosis.naming import free_name
from landscape.diagnosis.plan import Plan
from landscape.diagnosis.pytorch import in_pytorch
from landscape.diagnosis.recipe import training_of, with_penalty
from landscape.errors import InputError
from landscape.faults import recipe
from landscape.files import read_archive
from landscape.model import build_model, load_model, save_model
from landscape.objective import NetworkObjective
from landscape.records import Diagnosis, load_record
from landscape.training import train


def made(name: str, *, twin: bool = False, seed: int = 1, **changes):
    """A case of the table, in the precision that other tests compile too."""
    model, settings = recipe(name)(seed, twin)
    return train(replace(model, name=name), seed=seed, threads=1, dtype="float64", **(settings | changes))


@pytest.fixture(scope="module")
def dead():
    return made("dead-units", steps=300)


@pytest.fixture(scope="module")
def found(dead):
    return diagnose(dead, threads=1)


def test_dead_units_are_found_and_a_fresh_start_verifies_it(found):
    report = found.report
    assert (report["verdict"], report["subtype"], report["confidence"]) == (
        "optimization",
        "dead-units",
        "verified",
    )
    assert report["gain"] > 0.9
    assert any(line.startswith("model-bias") for line in report["ruled_out"])
    assert "--init he" in report["next"]


def test_what_was_measured_beside_the_verdict_is_told_with_its_threshold(found):
    seen = found.report["evidence"]
    assert seen["sixteen_examples"] < found.report["thresholds"]["sixteen"], (
        "a fresh start learns 16 examples"
    )
    assert (seen["state"]["rank"], seen["state"]["rank_most"]) == (2, 2)
    assert [
        line
        for line in seen["beside"]
        if "100% of act" in line and "dead from 0.9" in line.replace("90%", "0.9")
    ]
    assert [line for line in seen["beside"] if line.startswith("16 examples") and "0.1" in line]


def test_noise_without_any_held_out_data_is_no_fault():
    """Without a fifth kept from the trials, every network that learns the noise by heart would seem a remedy."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 300)
    x = rng.standard_normal((300, 2)) + 0.9 * y[:, None] * [1.0, 0.0]
    layers = [(rng.standard_normal((2, 8)), np.zeros(8)), (0.1 * rng.standard_normal((8, 2)), np.zeros(2))]
    model = build_model(layers=layers, loss="cross_entropy", x_train=x, y_train=y)
    model = train(model, optimizer="adam", learning_rate=3e-3, steps=600, threads=1, dtype="float64", seed=1)
    report = diagnose(model, threads=1).report
    assert report["verdict"] in ("healthy", "noise-floor")
    assert "mismatch: no test data" in report["not_assessed"]


def test_the_same_seed_gives_the_same_record_for_any_number_of_threads(dead, found):
    again = diagnose(dead, threads=2)
    assert again.report == found.report
    assert all(np.array_equal(again.series[name], found.series[name], equal_nan=True) for name in found.series
               if found.series[name].dtype.kind == "f")  # fmt: skip


def test_the_remedy_applied_removes_what_was_promised(dead, found, tmp_path):
    told = apply_remedy(dead, found, tmp_path / "better.npz", threads=1)
    assert told["removed"] > 0.5
    assert told["after"]["validation"] < 0.5 * told["before"]["validation"]
    assert load_model(tmp_path / "better.npz").size == dead.size


def test_an_interrupted_diagnosis_is_taken_up_with_the_same_result(dead, found, tmp_path):
    path, said = tmp_path / "d.npz", []

    def stop(sentence: str) -> None:
        said.append(sentence)
        if sentence.startswith("a fresh start with Adam:"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        diagnose(dead, threads=1, output=path, announce=stop)
    assert not Diagnosis.load(path).done
    said.clear()
    again = diagnose(dead, threads=1, output=path, announce=said.append)
    assert again.report == found.report
    assert any(sentence.startswith("resuming at ") for sentence in said)
    assert not any(sentence.startswith("forks:") for sentence in said)
    assert load_record(path) == again
    with pytest.raises(InputError, match="--fresh"):
        diagnose(dead, threads=1, output=path, seed=5)


def test_a_network_that_puts_out_its_own_loss_is_refused_in_one_line():
    x = np.ones((4, 2))
    model = build_model(layers=[(np.eye(2), np.zeros(2))], loss="output", x_train=x, y_train=np.zeros((4, 2)))
    with pytest.raises(InputError, match="the network's own output") as caught:
        diagnose(model, budget="quick")
    assert "\n" not in str(caught.value)


def test_the_healthy_twin_is_healthy_and_nothing_is_trained():
    report = diagnose(made("dead-units", twin=True), threads=1).report
    assert (report["verdict"], report["remedy"], report["evidence"]["outcomes"]) == ("healthy", None, [])


def test_a_shift_without_a_gap_in_the_labels_is_a_concept_shift():
    report = diagnose(made("concept-shift"), threads=1).report
    assert (report["verdict"], report["subtype"]) == ("mismatch", "concept")
    assert report["next"] is None


def without(model, *splits):
    return replace(model, data={key: array for key, array in model.data.items() if key[2:] not in splits})


def test_overfitting_is_seen_without_validation_and_without_any_held_out_data():
    model = made("few-examples", steps=3000)
    with_test = diagnose(without(model, "validation"), threads=1).report
    assert with_test["verdict"] == "overfitting"
    # The gain of a remedy is near its error here: which is larger hangs on the last bits, that is on the machine.
    remedies = with_test["evidence"]["generalization"]["remedies"]
    proved = any(tried["gain"] > tried["half"] for tried in remedies)
    assert remedies
    assert with_test["confidence"] == ("verified" if proved else "consistent")
    alone = diagnose(without(model, "validation", "test"), threads=1).report
    assert (alone["verdict"], alone["confidence"]) == ("overfitting", "suspected")
    assert "mismatch: no test data" in alone["not_assessed"]


def test_a_quick_look_trains_nothing_and_says_so(dead):
    report = diagnose(dead, budget="quick").report
    assert (report["verdict"], report["subtype"], report["confidence"]) == (
        "optimization",
        "dead-units",
        "suspected",
    )
    assert any("quick" in sentence for sentence in report["not_assessed"])


def line(**changes):
    x = np.linspace(-1, 1, 30)[:, None]
    return build_model(
        **{"layers": [(np.array([[2.0]]), np.zeros(1))], "loss": "mse", "x_train": x, "y_train": 2 * x}
        | changes
    )


def test_without_held_out_data_the_gaps_are_not_assessed_rather_than_guessed():
    report = diagnose(line(), budget="quick").report
    assert any(sentence.startswith("overfitting") for sentence in report["not_assessed"])
    assert report["evidence"]["validation_gap"] is None


def test_a_log_that_contradicts_the_parameters_is_said_first():
    model = replace(line(), history={"step": np.array([0, 10]), "train_loss": np.array([1.0, 0.5])})
    report = diagnose(model, budget="quick").report
    assert "0.5" in report["contradiction"]
    assert any(sentence.startswith("the log") for sentence in report["not_assessed"])


def test_a_parameter_that_is_not_finite_is_a_verdict_and_no_error(tmp_path):
    path = tmp_path / "m.npz"
    model = line()
    save_model(
        replace(
            model, parameters={name: np.full_like(value, np.nan) for name, value in model.parameters.items()}
        ),
        path,
    )
    report = diagnose(load_model(path, allow_nonfinite=True)).report
    assert (report["verdict"], report["subtype"]) == ("broken", "exploding")
    assert json.dumps(report, allow_nan=False)


def damaged(**story):
    model = line()
    parameters = {**model.parameters, "dense1.bias": np.array([np.inf])}
    return replace(model, parameters=parameters, **story)


def test_parameters_that_are_not_finite_are_named_with_the_update_since_which_and_the_last_finite_checkpoint():
    story = {
        "history": {"step": np.array([0, 5, 10]), "train_loss": np.array([1.0, 1e30, np.nan])},
        "checkpoints": np.array([[1.0, 0.0], [7e4, 0.0], [np.nan, 0.0]]),
        "checkpoint_steps": np.array([0, 5, 10]),
        "training": {"optimizer": "adam", "learning_rate": 0.5},
    }
    why = diagnose(damaged(**story)).report["why"]
    assert "dense1.bias" in why[0]
    assert "nan from update 10 on, after 1e+30 at update 5" in why[1]
    assert "update 5, where the largest parameter is 7e+04" in why[2]
    advice = diagnose(damaged(**story)).report["advice"]
    assert "from the checkpoint of update 5" in advice
    assert "at most 0.05" in advice


@pytest.mark.parametrize("known", [False, True])
def test_parameters_that_were_thrown_out_by_the_rate_are_told_by_the_curvature_where_the_run_began(known):
    model = damaged(checkpoints=np.array([[0.5, 0.0], [np.nan, np.inf]])) if known else damaged()
    report = diagnose(model, optimizer="SGD", learning_rate=100.0, steps=10).report
    (cited,) = report["cited"]
    assert f"at {'its' if known else 'a fresh'} start" in cited["text"]
    assert cited["supports"]
    largest = cited["value"] * 2 / 100.0
    objective = NetworkObjective(line(), threads=1)
    exact = np.linalg.eigvalsh([objective.hvp(line().theta, v) for v in np.eye(2)])[-1]
    assert largest == pytest.approx(exact, rel=1e-6), (
        "the loss of a line is quadratic: its curvature is the same everywhere"
    )
    assert diagnose(model, optimizer="SGD", learning_rate=1e-6, steps=10).report["cited"] == []


def test_a_nan_in_the_data_is_the_cause_of_those_in_the_parameters():
    model = damaged()
    report = diagnose(replace(model, data={**model.data, "y_train": model.data["y_train"] * np.nan})).report
    assert (report["verdict"], report["subtype"]) == ("broken", "no-signal")
    assert report["why"][0].startswith("y_train")
    assert "dense1.bias" in report["why"][1]
    assert "remove these examples" in report["advice"]


def test_what_cannot_be_trained_reads_not_assessed(dead, monkeypatch):
    def refuse(*arguments, **options):
        raise InputError("batch_size: batch normalization needs two examples for a variance")

    monkeypatch.setattr("landscape.diagnosis.ensembles.train_recipes", refuse)
    report = diagnose(dead, threads=1).report
    assert (report["verdict"], report["confidence"]) == ("optimization", "suspected")
    assert any("batch normalization" in sentence for sentence in report["not_assessed"])


@pytest.mark.parametrize(
    ("option", "value"), [("budget", "lavish"), ("thresholds", {"huge": 1.0}), ("optimizer", "magic")]
)
def test_what_cannot_be_asked_is_refused(option, value):
    with pytest.raises(InputError, match=option.removesuffix("s")):
        diagnose(line(), **{option: value})


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


def test_a_weight_decay_that_was_told_is_the_penalty_and_comes_along_in_the_next_command(capsys):
    given = {"optimizer": "SGD", "learning_rate": 0.1, "momentum": 0.9, "epochs": 5, "weight_decay": 0.5}
    model = replace(line(), parameters={name: 0 * value for name, value in line().parameters.items()})
    report = diagnose(model, budget="quick", **given).report
    spent = 5 * math.ceil(model.examples("train") / 32)
    assert (report["recipe"]["optimizer"], report["recipe"]["momentum"], report["recipe"]["spent"]) == (
        "sgd",
        0.9,
        spent,
    )
    assert report["assumed"] == {"batch_size": min(32, model.examples("train"))}
    training = training_of(model, given, 0)
    assert with_penalty(model, training).decay_vector().tolist() == [0.5] * model.size
    assert with_penalty(model, training_of(model, {**given, "optimizer": "AdamW"}, 0)) is model
    plan = Plan(model, {"optimizer": "sgd", "steps": 1}, ("train",), penalty=0.5)
    assert "--weight-decay 0.5" in plan.command(model)


@pytest.mark.torch
@pytest.mark.parametrize(
    "name", ["sgd", "heavy_ball", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "amsgrad", "radam"]
)
def test_a_remedy_in_pytorchs_words_is_the_same_training(name):
    torch = pytest.importorskip("torch")
    x = np.linspace(0.1, 1.3, 20)[:, None]
    model = build_model(
        layers=[(np.array([[0.5]]), np.zeros(1))], loss="mse", x_train=x, y_train=np.sin(3 * x)
    )
    settings = {"optimizer": name, "learning_rate": 0.05, "momentum": 0.8, "batch_size": 20, "steps": 15}
    ours = train(model, dtype="float64", threads=1, **settings)
    net = torch.nn.Linear(1, 1).double()
    with torch.no_grad():
        net.weight.fill_(0.5)
        net.bias.zero_()
    call = re.match(r"torch\.optim\.\w+\(.*?\)(?=, 15 updates)", in_pytorch(settings, None))
    assert call
    optimizer = eval(call[0], {"torch": torch, "net": net})
    for _ in range(15):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(net(torch.from_numpy(x)), torch.from_numpy(np.sin(3 * x))).backward()
        optimizer.step()
    theirs = [net.weight.item(), net.bias.item()]
    assert ours.theta == pytest.approx(theirs, rel=1e-9)


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


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [("adm", "did you mean 'adam'"), ("NAdam", "the nearest is 'adam'"), ("magic", "expected one of")],
)
def test_an_optimizer_that_is_none_is_refused_with_the_one_that_is_meant(optimizer, words):
    with pytest.raises(InputError, match=words):
        diagnose(line(), budget="quick", optimizer=optimizer)
    report = diagnose(replace(line(), training={"optimizer": optimizer}), budget="quick").report
    assert report["assumed"]["optimizer"] == "adam", "a file's foreign optimizer is looked at by the nearest"


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
