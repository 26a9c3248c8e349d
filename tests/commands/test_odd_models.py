"""Models with extreme numbers: commands end with an exit status and one line, without warnings of NumPy."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from landscape.commands import main
from landscape.model import build_model, save_model

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 3)), RNG.integers(0, 2, 12)
FIRST, SECOND = RNG.standard_normal((4, 3)), RNG.standard_normal((2, 4))


def of(first: Any, second: Any, x: Any = X, y: Any = Y, **more: Any) -> Any:
    nodes = [{"name": "a", "op": "dense"}, {"name": "t", "op": "relu"}, {"name": "b", "op": "dense"}]
    parameters = {"a.weight": first, "b.weight": second}
    return build_model(nodes=nodes, parameters=parameters, loss="cross_entropy", x_train=x, y_train=y, **more)


MODELS = {
    "zeros": lambda: of(0 * FIRST, 0 * SECOND, 0 * X),
    "tiny": lambda: of(1e-30 * FIRST, 1e-30 * SECOND),
    "huge": lambda: of(1e30 * FIRST, 1e30 * SECOND),
    "one class": lambda: of(FIRST, SECOND[:1], y=0 * Y),
}
COMMANDS = [
    "scan --points 3",
    "hessian --trace --density --by-node",
    "critical",
    "sharpness",
    "train --steps 3",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", MODELS)
def test_a_command_ends_with_a_status_and_without_a_warning(name, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_model(MODELS[name](), "m.npz")
    verb, *more = command.split()
    with pytest.raises(SystemExit) as end:
        main([verb, "m.npz", *more])
    assert end.value.code in (0, 1, 2)
    assert ("Error: " in capsys.readouterr().err) == (end.value.code != 0)


def test_eigenvalues_that_are_all_zero_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(MODELS["zeros"](), "m.npz")
    with pytest.raises(SystemExit) as end:
        main(["critical", "m.npz", "--quiet"])
    assert end.value.code == 0


def test_what_overflows_nevertheless_is_told_in_a_line_and_not_by_numpy(tmp_path):
    save_model(of(FIRST, SECOND, loss_scale=1e299), tmp_path / "m.npz")
    run = [
        sys.executable,
        "-c",
        "from landscape.commands import main; main()",
        "critical",
        "m.npz",
        "--no-figure",
    ]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1)
    assert "Warning" not in done.stderr
    assert "Traceback" not in done.stderr
    assert ("Error: " in done.stderr) == (done.returncode == 1)
