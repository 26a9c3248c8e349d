"""An array that stays in its file is read as NumPy reads it; a file that is cut short is an error that names it."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landscape.errors import ComputationError
from landscape.file_array import FileArray, left_in_file
from landscape.files import map_array

KEYS = [
    slice(None), slice(2, 5), slice(5, 2), slice(None, None, 3), slice(None, None, -1), slice(-3, 100), 0, -1, np.int64(3), [5, 2, 2, 0],
    np.array([[1, 2], [3, 4]]), np.arange(7) % 2 == 0, np.zeros(0, int), ..., (slice(1, 4), 1), (slice(None), slice(0, 2)), ([0, 6], 1), (3, 2), (..., 0),
]  # fmt: skip


@pytest.fixture(params=["C", "F"])
def both(request, tmp_path):
    expected = np.array(np.arange(7 * 3 * 2, dtype=">i4").reshape(7, 3, 2), order=request.param)
    np.save(tmp_path / "x.npy", expected)
    return map_array(tmp_path / "x.npy"), expected


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_what_is_asked_for_is_what_numpy_gives(both, key):
    array, expected = both
    found = array[key]
    np.testing.assert_array_equal(found, expected[key], strict=True)
    assert found.dtype == expected.dtype


@pytest.mark.parametrize("key", [7, -8, [0, 7], "x", 1.5, (0, 5)], ids=str)
def test_what_numpy_refuses_is_refused(both, key):
    with pytest.raises(IndexError):
        both[0][key]


def test_it_stands_for_an_array_in_numpys_functions(both):
    array, expected = both
    assert (array.shape, array.ndim, array.size, array.nbytes, len(array)) == ((7, 3, 2), 3, 42, 168, 7)
    np.testing.assert_array_equal(np.asarray(array), expected)
    np.testing.assert_array_equal((array + 1) / 2, (expected + 1) / 2)
    assert bool(np.all(array == expected))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[2:4], expected[2:4])


@settings(max_examples=40)
@given(st.lists(st.integers(-7, 6), max_size=20))
def test_rows_in_any_order_are_those_rows(tmp_path_factory, places):
    folder = tmp_path_factory.getbasetemp()
    np.save(folder / "rows.npy", np.arange(21.0).reshape(7, 3))
    found = map_array(folder / "rows.npy")[np.array(places, int)]
    np.testing.assert_array_equal(found, np.arange(21.0).reshape(7, 3)[np.array(places, int)])


def test_a_file_that_was_cut_short_is_named_with_what_it_should_have(both):
    array, expected = both
    before = array[:2]
    os.truncate(array.filename, array.offset + expected.nbytes // 2)
    np.testing.assert_array_equal(before, expected[:2])
    with pytest.raises(
        ComputationError, match=r"x\.npy: was cut short while it was in use: expected \d+ bytes, found \d+"
    ):
        np.asarray(array)


def test_files_are_closed_with_their_arrays(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(3))
    array = map_array(tmp_path / "x.npy")
    descriptor = array.descriptor
    os.fstat(descriptor)
    del array
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)


def test_a_users_mapping_of_a_file_is_read_from_it_and_no_other_array(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(3, 2))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    found = left_in_file(mapped)
    assert isinstance(found, FileArray)
    np.testing.assert_array_equal(found[1:], mapped[1:])
    for other in (mapped[1:], mapped[:, :1], np.load(tmp_path / "x.npy", mmap_mode="c"), np.zeros(3), [1.0]):
        assert left_in_file(other) is other
