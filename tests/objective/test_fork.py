"""Children of `fork` compute what their parent does, whatever its threads were at."""

from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from landscape.interrupt import HOLD
from landscape.model import bundled_path, load_model
from landscape.objective import NetworkObjective
from landscape.objective.session import SESSION, blas_libraries, session

MODEL = load_model(bundled_path("digits"))
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    # Newer Pythons warn of any fork beside threads.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def loss_and_gradient(threads):
    value, gradient = NetworkObjective(MODEL, threads=threads).values_and_gradients(MODEL.theta[None])
    return value.tobytes() + gradient.tobytes()


def in_children(work, *arguments):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.starmap_async(work, [arguments] * 2).get(timeout=300)


def test_children_of_a_parent_with_threads_reach_its_bits():
    own = loss_and_gradient(2)
    assert in_children(loss_and_gradient, 2) == [own, own]


def state_of_a_child():
    return (
        SESSION.depth,
        HOLD.depth,
        [library.num_threads for library in blas_libraries()],
        loss_and_gradient(2),
    )


def test_children_hold_nothing_of_what_another_thread_held_at_the_fork():
    own, threads = loss_and_gradient(2), [library.num_threads for library in blas_libraries()]
    holding, done = threading.Event(), threading.Event()

    def hold():
        with session():
            holding.set()
            done.wait()

    other = threading.Thread(target=hold)
    other.start()
    try:
        holding.wait()
        found = in_children(state_of_a_child)
    finally:
        done.set()
        other.join()
    assert found == [(0, 0, threads, own)] * 2


def test_a_thread_that_forks_within_its_own_session_leaves_it_as_usual():
    own = loss_and_gradient(2)
    with session():
        found = in_children(loss_and_gradient, 2)
    assert found == [own, own]
