"""Bad input is refused in one line before anything runs: no progress bar, no message about compiling or about work that never begins."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.commands import main
from landscape.model import build_model, bundled_path, save_model
from landscape.objective.session import Session

REFUSED = """
scan digits.npz --points x
scan digits.npz --span 1:0
scan digits.npz --direction nosuch
scan digits.npz --direction between
scan digits.npz --direction between --to missing.npz
scan digits.npz --normalize filter --direction gradient --dimensions 9
scan digits.npz --output /nowhere/x
scan digits.npz --examples 5 --quantity curvature --recompute-statistics
scan digits.npz --direction missing.npz
scan digits.npz --to digits.npz
scan digits.npz --save-directions /nowhere/x.npz
scan digits.npz --dimensions 3 --quantity curvature --split both --span auto --points 5x5
scan digits.npz --device cuda
scan a.npz --direction between
scan a.npz --direction between --to b.npz --points x
scan a.npz --direction between --to b.npz --span 1:0
scan a.npz --direction between --to b.npz --to b.npz
scan a.npz --direction between --to b.npz --dimensions 1 --points 3x3
scan a.npz --direction between --to b.npz --output /nowhere/x
scan a.npz --direction between --to b.npz --output b
scan a.npz --direction between --to same.npz
scan a.npz --direction plane --to b.npz
scan a.npz --direction plane --to b.npz --to b.npz
scan a.npz --direction plane --to b.npz --to a.npz --dimensions 3
scan a.npz --overlay b.npz
scan a.npz --mixed
scan a.npz --workers 0
scan a.npz --workers -1
scan a.npz --workers 2.5
scan a.npz --workers 99999
scan a.npz --workers tcp:10.0.0.1
scan a.npz --workers 2 --points x
scan a.npz --workers 2 --output /nowhere/x
critical a.npz --workers 2
critical a.npz --search 0 --workers 2
race a.npz --workers nosuch
race a.npz --workers 2 --optimizer nosuch
study schedule a.npz --workers 2 --schedules nosuch
diagnose a.npz --workers nosuch
diagnose a.npz --workers 2 --optimizer nosuch
connect a.npz b.npz --workers nosuch
connect a.npz b.npz --workers 2 --curve nosuch
connect a.npz
connect a.npz a.npz
connect a.npz missing.npz
connect a.npz same.npz
connect a.npz b.npz --curve bezir
connect a.npz b.npz --curve bezier --recompute-statistics
connect a.npz b.npz --recompute-statistics
connect a.npz b.npz --pivots 9
connect a.npz b.npz --band --pivots 2
connect a.npz b.npz --matching activations
connect a.npz b.npz --points 2
connect a.npz b.npz --band --bends 1
connect a.npz b.npz -o b
connect a.npz b.npz -o /nowhere/x
connect a.npz b.npz --device cuda
align a.npz a.npz
align a.npz same.npz -o x.npz
align a.npz missing.npz -o x.npz
align a.npz b.npz -o a.npz
align a.npz b.npz -o /nowhere/x.npz
topology missing.npz
topology a.npz
hessian digits.npz --node nosuch
hessian digits.npz --top 0 --bottom 0
hessian digits.npz --all --top 3
hessian digits.npz --precondition
hessian digits.npz --operator fisher --method both
hessian digits.npz --density --accuracy 0
hessian digits.npz --split test --output /nowhere/x
hessian digits.npz --trace --top 5000
hessian digits.npz --device cuda
critical digits.npz --search 0
critical digits.npz --escape /nowhere/e.npz
critical digits.npz --search 2 --escape e.npz
critical digits.npz --output /nowhere/x
critical digits.npz --device cuda
sharpness digits.npz --measure nosuch
sharpness digits.npz --compare missing.npz
sharpness digits.npz --rho 0
sharpness digits.npz --sigma nan
sharpness digits.npz --output /nowhere/x
race digits.npz --optimizer nosuch
race digits.npz --optimizer sgd,sgd
race digits.npz --learning-rate 1,2,3
race digits.npz --steps 5 --epochs 2
race digits.npz --init nosuch
race digits.npz --output /nowhere/x
train digits.npz --optimizer nosuch --steps 5
train digits.npz --schedule nosuch
train digits.npz --init nosuch
train digits.npz --learning-rate -1
train digits.npz --batch-size 3 --warmup -3
train digits.npz --beta2 2 --optimizer adam
train digits.npz -o /nowhere/x.npz
train digits.npz --architecture 64-nosuch
train digits.npz --architecture 64-9
train digits.npz --steps 10 --epochs 3
study batch-size digits.npz --batch-sizes 0
study batch-size digits.npz --batch-sizes x
study batch-size digits.npz --epochs -1
study batch-size digits.npz --optimizer nosuch
study learning-rate digits.npz --rates -1
study learning-rate digits.npz --optimizer sgd,nosuch
study stability digits.npz --rates -1
study stability digits.npz --optimizer nosuch
study stability digits.npz --momentum 3
study stability digits.npz --init nosuch
study schedule digits.npz --schedules nosuch
study schedule digits.npz --warmup 5000
study schedule digits.npz --init nosuch
study schedule digits.npz --learning-rate -1
study schedule digits.npz --output /nowhere/x
trajectory digits.npz --direction nosuch
trajectory digits.npz --span 1:0
trajectory digits.npz --optimizer nosuch
trajectory digits.npz --optimizer sgd --direction nosuch --steps 20
trajectory digits.npz --optimizer sgd --points x --steps 20
trajectory digits.npz --optimizer sgd --span 1:0 --steps 20
trajectory digits.npz --optimizer sgd --normalize filter --direction principal --steps 20 --examples 0
trajectory digits.npz --init he
trajectory digits.npz --animate film.xyz
trajectory digits.npz --output /nowhere/x
diagnose digits.npz --budget nosuch
diagnose digits.npz --threshold nosuch=1
diagnose digits.npz --threshold large
diagnose digits.npz --optimizer nosuch
diagnose digits.npz --learning-rate -1
diagnose digits.npz --validation missing.npz
diagnose digits.npz --apply /nowhere/x.npz
diagnose digits.npz --output /nowhere/x
report digits.npz --pdf /nowhere/x.pdf
report digits.npz -o /nowhere/x.html
report digits.npz --diagnosis missing.npz
figures nosuch
figures digits_landscape -o /nowhere/x
plot missing.npz
demo nosuch
demo --fault nosuch
import missing.onnx
info missing.npz
scan same.npz
hessian same.npz
critical same.npz
sharpness same.npz
race same.npz --steps 4 --batch-size 500
train same.npz --steps 4
trajectory same.npz --optimizer sgd --steps 4
study batch-size same.npz --batch-sizes 4,500
study learning-rate same.npz --batch-size 500
study schedule same.npz --batch-size 500
study stability same.npz
diagnose same.npz
"""
# Its output is its input.
SAME = build_model(
    nodes=[{"name": "a", "op": "dense"}, {"name": "d", "op": "dropout", "inputs": ["input"]}],
    parameters={"a.weight": np.ones((1, 3))},
    loss="mse",
    x_train=np.eye(3),
    y_train=np.eye(3),
)

# Two minima, one beside the other.
PAIR = [
    build_model(
        layers=[(shift + np.arange(12.0).reshape(4, 3), np.zeros(4)), (np.ones((2, 4)), np.zeros(2))],
        activation="tanh", loss="mse", x_train=np.eye(3), y_train=np.ones((3, 2)),
    )
    for shift in (0.0, 0.5)
]  # fmt: skip


@pytest.mark.parametrize("line", REFUSED.strip().splitlines())
def test_bad_input_is_refused_in_one_line_before_anything_runs(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.npz").write_bytes(bundled_path("digits").read_bytes())
    for name, model in zip("ab", PAIR, strict=True):
        save_model(model, tmp_path / f"{name}.npz")
    save_model(SAME, tmp_path / "same.npz")

    def run(session):
        raise AssertionError("kernels were compiled or run")

    monkeypatch.setattr(Session, "begin", run)
    with pytest.raises(SystemExit) as end:
        main(line.split())
    out, err = capsys.readouterr()
    assert end.value.code == 2
    assert out == ""
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz", "digits.npz", "same.npz"]
