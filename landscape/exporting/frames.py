"""Records as data sets of xarray and tables of pandas, which are imported when they are asked for."""

from __future__ import annotations

import csv
import importlib
import io
import json
from typing import Any

from landscape.errors import InputError
from landscape.exporting.layout import about, table_of, variables_of
from landscape.records import Record


def needed(name: str) -> Any:
    """Import an optional package.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(
            f"needs {name}, which is not installed: pip install 'numba-landscape[xarray]'"
        ) from None


def to_xarray(record: Record) -> Any:
    """Return a record as an `xarray.Dataset`: quantities over alpha, beta, gamma, checkpoints over step, settings as attributes.

    Raises
    ------
    InputError
        xarray is not installed, or the record is unfinished.
    """
    xarray = needed("xarray")
    coordinates, variables = variables_of(record)
    return xarray.Dataset(
        {name: (each.dims, each.values, dict(each.words)) for name, each in variables.items()},
        {name: (each.dims, each.values, dict(each.words)) for name, each in coordinates.items()},
        about(record) | {"settings": json.dumps(record.settings)},
    )


def to_pandas(record: Record) -> Any:
    """Return a record as a `pandas.DataFrame`: a row for each point of a scan, checkpoint of a trajectory, look of a race, or eigenvalue.

    Raises
    ------
    InputError
        pandas is not installed, or the record is no table or unfinished.
    """
    return needed("pandas").DataFrame(table_of(record))


def table_bytes(record: Record) -> bytes:
    """Write the same table as CSV, numbers with all their digits.

    Raises
    ------
    InputError
        The record is no table, or unfinished.
    """
    columns = table_of(record)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    rows.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue().encode()
