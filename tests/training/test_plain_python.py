"""The step of training also runs as plain Python; a result that is right there and wrong compiled is the compiler's fault."""

from __future__ import annotations

import json

import numpy as np

from landscape.training import descend, train
from tests.processes import told_by_plain_python
from tests.scanning.examples import small_model


def compute():
    """Train a little and descend a little."""
    model = small_model(examples=11, test=0, weight_decay=0.1)
    done = train(model, optimizer="radam", batch_size=6, steps=4, history=2, dtype="float64", threads=1)
    path = descend("beale", [1.0, 0.5], optimizer="sam", learning_rate=0.01, clip=1.0, steps=8).path
    return {"theta": done.theta.tolist(), "loss": done.history["train_loss"].tolist(), "path": path.tolist()}


def test_plain_python_trains_as_the_compiled_step_does():
    found, expected = told_by_plain_python(__name__), compute()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-11)


if __name__ == "__main__":
    print(json.dumps(compute()))
