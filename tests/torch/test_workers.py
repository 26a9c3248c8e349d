"""A `TorchObjective` on workers: made anew of what it was made of, with as many threads as here."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

import landscape  # noqa: E402
from landscape.workers import Workers  # noqa: E402
from tests.workers.executors import Crooked  # noqa: E402


def objective(**options):
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    )
    x, y = torch.randn(40, 4), torch.randint(0, 3, (40,))
    return landscape.TorchObjective(
        module, torch.nn.CrossEntropyLoss(), (x[:30], y[:30]), test=(x[30:], y[30:]), batch_size=10, **options
    )


def same(one, other):
    ours, theirs = one.arrays(), other.arrays()
    return ours.keys() == theirs.keys() and all(
        a.tobytes() == theirs[name].tobytes() for name, a in ours.items()
    )


def test_a_pickle_makes_the_same_objective_and_so_do_its_splits():
    made = objective(weight_decay=0.01)
    for one in (made, made.test, made.about.bare):
        other = pickle.loads(pickle.dumps(one))
        theta = one.theta + 0.1 * np.sin(np.arange(one.size))
        assert other.value(theta) == one.value(theta)
        assert other.gradient(theta).tobytes() == one.gradient(theta).tobytes()
        assert (other.split, other.theta.tobytes()) == (one.split, one.theta.tobytes())


@pytest.mark.parametrize("options", [{}, {"recompute_statistics": True}, {"dtype": "float64"}])
def test_a_scan_by_workers_is_that_of_one_machine_to_the_bit(options):
    made = objective(**options)
    # More points than are evaluated at once.
    whole = landscape.scan(made, points="9x9", seed=1)
    with Crooked(1) as executor:
        assert same(landscape.scan(made, points="9x9", seed=1, executor=executor), whole)


def test_curvature_and_the_way_between_checkpoints_too(tmp_path):
    made = objective(dtype="float64")
    with Crooked(1) as executor:
        scans = [landscape.scan(made, points=2, quantity="curvature", executor=by) for by in (None, executor)]
        assert same(*scans)
        points = [made.theta, made.theta + 0.1 * np.cos(np.arange(made.size))]
        ways = [landscape.connect(made, points=points, alphas=5, executor=by) for by in (None, executor)]
        assert same(*ways)


def test_a_spawned_process_has_the_threads_of_this_one():
    made, before = objective(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            found = landscape.scan(made, points=5, executor=Workers(executor))
        assert same(found, landscape.scan(made, points=5))
    finally:
        torch.set_num_threads(before)
