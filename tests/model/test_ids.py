"""Data that are ids: which arrays will do, and who may look them up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import Model, build_model


def words(**changes: Any) -> Model:
    """Build a classifier of sequences of ids."""
    content: dict[str, Any] = {
        "nodes": [
            {"name": "e", "op": "embedding"},
            {"name": "m", "op": "mean", "axis": 1},
            {"name": "d", "op": "dense"},
        ],
        "parameters": {"e.weight": np.ones((9, 4)), "d.weight": np.ones((2, 4))},
        "loss": "cross_entropy",
        "x_train": np.arange(6).reshape(2, 3),
        "y_train": np.array([0, 1]),
    }
    return build_model(**content | changes)


class TestIds:
    @pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "u8"])
    def test_every_integer_type_will_do(self, dtype):
        assert words(x_train=np.arange(6, dtype=dtype).reshape(2, 3)).data["x_train"].dtype == dtype

    @pytest.mark.parametrize(("bad", "found"), [(9, "9"), (-1, "-1")])
    def test_an_id_without_a_row_is_refused(self, bad, found):
        with pytest.raises(
            InputError, match=f"x_train: expected ids from 0 to 8, found {found} in example 1"
        ):
            words(x_train=np.array([[0, 1, 2], [0, bad, 1]]))

    def test_numbers_are_refused(self):
        with pytest.raises(InputError, match="x_train: expected integer ids"):
            words(x_train=np.ones((2, 3)))

    def test_ids_cannot_be_numbers_as_well(self):
        nodes = [{"name": "e", "op": "embedding"}, {"name": "d", "op": "dense", "inputs": ["input"]}]
        with pytest.raises(InputError, match="'d': reads the input as numbers, 'e' reads it as ids"):
            words(nodes=nodes, parameters={"e.weight": np.ones((9, 4)), "d.weight": np.ones((2, 3))})

    def part(self, x: np.ndarray, *between: dict[str, Any]) -> Model:
        """Look up the first two numbers of examples of five, and add the others."""
        nodes = [
            {"name": "i", "op": "slice", "inputs": ["input"], "axis": 1, "stop": 2},
            *between,
            {"name": "e", "op": "embedding"},
            {"name": "f", "op": "flatten"},
            {"name": "r", "op": "slice", "inputs": ["input"], "axis": 1, "start": 2},
            {"name": "c", "op": "concat", "axis": 1, "inputs": ["f", "r"]},
        ]
        return build_model(
            nodes=nodes,
            parameters={"e.weight": np.ones((9, 4))},
            loss="mse",
            x_train=x,
            y_train=np.zeros((len(x), 11)),
        )

    def test_whole_numbers_in_a_part_of_the_data_are_ids(self):
        x = np.array([[0, 8, 0.5, -1, 2], [3, 4, 0.25, 9.5, 7]])
        assert self.part(x).nodes[-1].shape == (11,)
        turned = {"name": "t", "op": "take", "axis": 1, "indices": [1, 0]}
        assert self.part(x, turned).nodes[-1].shape == (11,)

    @pytest.mark.parametrize("bad", [0.5, 9.0, -1.0, np.nan])
    def test_another_number_there_is_refused(self, bad):
        x = np.zeros((3, 5))
        x[2, 1] = bad
        with pytest.raises(
            InputError, match=r"x_train: expected ids from 0 to 8, found .* in example 2|not finite|NaN"
        ):
            self.part(x)

    @pytest.mark.parametrize(
        "between",
        [{"name": "s", "op": "scale", "by": 1.0}, {"name": "p", "op": "pad", "before": [1], "after": [-1]}],
    )
    def test_what_is_no_part_of_the_data_is_not_looked_up(self, between):
        with pytest.raises(
            InputError, match=r"reads ids, which only the data has; expected .* or a part of the data"
        ):
            self.part(np.zeros((3, 5)), between)

    def test_an_embedding_shares_its_rows_with_the_last_layer(self):
        nodes = [{"name": "e", "op": "embedding"}, {"name": "d", "op": "dense", "parameters_of": "e"}]
        model = words(nodes=nodes, parameters={"e.weight": np.ones((9, 4))}, y_train=np.zeros((2, 3), int))
        assert model.nodes[-1].shape == (3, 9)
        assert model.size == 36
