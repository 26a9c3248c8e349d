"""On the way to another model all of it moves: both ends are the models, in the middle is the model between them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import Model, build_model, load_model, save_model
from landscape.model.save import header_of
from landscape.objective import NetworkObjective
from landscape.records import keeper
from landscape.scanning import scan
from tests.networks import network

# A skip, normalization of images and of features, and a frozen layer.
GRAPH = (
    "c conv2d 2 4 3 3 padding=1 | b batchnorm 4 | r relu | d conv2d 4 4 3 3 padding=1 trainable=false | e batchnorm 4"
    "| a add : e r | s silu | g globalavgpool | f dense 4 5 | h batchnorm 5 | t tanh | o dense 5 3"
)


@cache
def ends() -> tuple[Model, Model]:
    one, two = (network(GRAPH, (2, 5, 4), 3, n=23, test=7)(np.random.default_rng(seed)) for seed in (5, 6))
    return replace(one, weight_decay=0.01), replace(two, data=one.data, weight_decay=0.01)


def middle(share: float) -> Model:
    """Build the model whose parameters and buffers lie between those of the two."""
    one, two = ends()
    between = {
        key: (1 - share) * np.asarray(array, np.float64)
        + share * np.asarray((two.parameters | two.buffers)[key], np.float64)
        for key, array in (one.parameters | one.buffers).items()
    }
    header = header_of(one)
    return build_model(
        nodes=header["nodes"], parameters=between, loss=one.loss, input_shape=one.input_shape, weight_decay=0.01, **one.data
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_ends_are_the_models_themselves(dtype, dimensions):
    one, two = ends()
    record = scan(
        one,
        direction="between",
        to=two,
        dimensions=dimensions,
        points=3,
        span=["0:1", "-1:1"][:dimensions],
        dtype=dtype,
    )
    place = (slice(None),) if dimensions == 1 else (slice(None), 1)
    for split in ("train", "test"):
        line = record.values[f"{split}_loss"][place]
        accuracy = record.values[f"{split}_accuracy"][place]
        for model, at in ((one, 0), (two, 2)):
            own = NetworkObjective(model, split, dtype=dtype).evaluate(model.theta)
            assert line[at] == pytest.approx(own.loss, rel=1e-12)
            assert accuracy[at] == own.accuracy
    summary = record.summary()
    assert summary["end"]["train"]["loss"] == pytest.approx(record.end_values["train"]["loss"])
    assert "on_the_line" not in summary["end"]["train"]


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_between_the_ends_is_the_model_between_them(share):
    one, two = ends()
    record = scan(one, direction="between", to=two, dimensions=1, points=5, dtype="float64")
    for split in ("train", "test"):
        expected = NetworkObjective(middle(share), split).evaluate(middle(share).theta)
        assert record.values[f"{split}_loss"][int(4 * share)] == pytest.approx(expected.loss, rel=1e-12)
    assert record.penalty[int(4 * share)] == pytest.approx(expected.penalty, rel=1e-12)


def test_the_curvature_on_the_line_is_that_of_the_model_between_them():
    one, two = ends()
    record = scan(
        one,
        direction="between",
        to=two,
        dimensions=1,
        points=3,
        quantity="curvature",
        split="train",
        dtype="float64",
    )
    expected = scan(
        middle(0.5),
        direction="random",
        dimensions=1,
        points=1,
        quantity="curvature",
        split="train",
        dtype="float64",
    )
    for name in ("train_loss", "train_lambda_min", "train_lambda_max"):
        assert record.values[name][1] == pytest.approx(expected.values[name][0], rel=1e-8)


def test_a_line_that_was_cut_short_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    one, two = ends()
    whole = scan(one, direction="between", to=two, dimensions=1, points=5)

    def stop(share: float, words: str) -> None:
        if words.startswith("3 of"):
            raise KeyboardInterrupt

    chosen = {"direction": "between", "to": two, "dimensions": 1, "points": 5, "output": tmp_path / "r.npz"}
    monkeypatch.setattr(keeper, "SAVE_SECONDS", -1.0)
    monkeypatch.setattr(keeper, "SAVE_PART", np.inf)
    with pytest.raises(KeyboardInterrupt):
        scan(one, **chosen, progress=stop)
    resumed = scan(one, **chosen)
    for name, values in whole.values.items():
        np.testing.assert_array_equal(resumed.values[name], values)
    assert scan(one, **chosen) == resumed


def test_a_line_to_other_statistics_is_another_scan(tmp_path):
    one, two = ends()
    other = two.with_buffers(np.concatenate([array.reshape(-1) for array in two.buffers.values()]) * 1.5)
    scan(one, direction="between", to=two, dimensions=1, points=2, output=tmp_path / "r.npz")
    with pytest.raises(InputError, match="constants"):
        scan(one, direction="between", to=other, dimensions=1, points=2, output=tmp_path / "r.npz")


def test_a_line_that_would_make_a_variance_negative_is_refused_with_how_far_it_may_go():
    one, two = ends()
    with pytest.raises(InputError, match=r"running variance .* below 0 outside of -.*--recompute-statistics"):
        scan(one, direction="between", to=two, dimensions=1, points=3, span="-50:50")


def test_an_end_that_the_line_does_not_come_to_is_said(tmp_path):
    one, two = ends()
    record = scan(
        one, direction="between", to=two, dimensions=1, points=3, split="train", recompute_statistics=True
    )
    told = record.summary()["end"]["train"]
    assert told["on_the_line"] == record.values["train_loss"][-1] != told["loss"]
    slower = replace(
        two,
        nodes=tuple(
            replace(n, attributes=n.attributes | {"eps": 0.1}) if n.name == "h" else n for n in two.nodes
        ),
    )
    record = scan(one, direction="between", to=slower, dimensions=1, points=2, split="train")
    assert "on_the_line" in record.summary()["end"]["train"]


def test_the_end_is_kept_in_the_file(tmp_path):
    one, two = ends()
    save_model(two, tmp_path / "two.npz")
    record = scan(
        one, direction="between", to=tmp_path / "two.npz", dimensions=1, points=2, output=tmp_path / "r.npz"
    )
    assert type(record).load(tmp_path / "r.npz") == record
    own = load_model(tmp_path / "two.npz")
    expected = NetworkObjective(own, "test", dtype="float32").evaluate(own.theta).loss
    assert record.end_values["test"]["loss"] == expected
