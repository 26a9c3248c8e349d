"""A record's file with any change is refused when it is loaded, or can be drawn and summarized."""

from __future__ import annotations

import json
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest

from landscape.errors import InputError
from landscape.files import read_archive, write_archive
from landscape.plots import figures
from landscape.records import load_record
from tests.records.examples import EXAMPLES
from tests.records.mutations import mutations

# All of them take minutes (benchmarks/fuzz_files.py); here as many of each kind, others for each.
TRIED = 60
DRAWN = 4


def drawn_and_told(path):
    """Load a record, tell it in strict JSON and draw its figures."""
    record = load_record(path)
    json.dumps(record.summary([path]), allow_nan=False)
    return record


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_valid_record_is_loaded_told_and_drawn(tmp_path, name):
    EXAMPLES[name]().save(tmp_path / "r.npz")
    record = drawn_and_told(tmp_path / "r.npz")
    assert record == EXAMPLES[name]()
    assert figures(record)
    plt.close("all")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_changed_record_is_refused_or_can_be_told_and_drawn(tmp_path, name):
    path = tmp_path / "r.npz"
    EXAMPLES[name]().save(path)
    every = mutations(read_archive(path))
    drawn, lines = 0, []
    for index in np.random.default_rng(len(name)).permutation(len(every))[:TRIED]:
        words, make = every[index]
        write_archive(path, make())
        try:
            record = drawn_and_told(path)
        except InputError as error:
            lines.append(str(error))
            continue
        except Exception as error:
            raise AssertionError(f"{words}: {type(error).__name__}: {error}") from error
        if drawn < DRAWN:
            drawn += 1
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of matplotlib, about scales with nothing to show
                    figures(record)
            except InputError:
                pass
            except Exception as error:
                raise AssertionError(f"{words}: {type(error).__name__}: {error}") from error
            plt.close("all")
    assert not [line for line in lines if "\n" in line or len(line) > 1000]
