"""Exports contain every number of the record, as read by a parser of the tests' own, by SciPy, and, if installed, by VTK, xarray and pandas."""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import netcdf_file

from landscape.commands import main
from landscape.errors import InputError
from landscape.exporting import export_record
from tests.records import examples

NUMBERS = {"Float32": "<f4", "Float64": "<f8", "Int32": "<i4", "Int64": "<i8", "UInt8": "<u1"}


def parsed(path):
    """Read a VTK file with appended data: its elements, and its arrays by name."""
    content = path.read_bytes()
    start = content.index(b"_", content.index(b"<AppendedData")) + 1
    end = content.rindex(b"\n</AppendedData>")
    data = content[start:end]
    root = ET.fromstring(content[: start - 1] + content[end + 1 :])
    arrays = {}
    for each in root.iter("DataArray"):
        if each.get("format") == "appended":
            offset = int(each.get("offset"))
            size = int.from_bytes(data[offset : offset + 8], "little")
            values = np.frombuffer(data[offset + 8 : offset + 8 + size], NUMBERS[each.get("type")])
            arrays[each.get("Name")] = values.reshape(-1, int(each.get("NumberOfComponents", 1))).squeeze()
    return root, arrays


def broken(*points):
    """Make a scan with a point that diverged."""
    made = examples.scan(*points)
    values = {name: array.copy() for name, array in made.values.items()}
    values["train_loss"].flat[3] = np.nan
    return replace(made, values=values)


@pytest.mark.parametrize("points", [(5,), (3, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("kind", ["vti", "vtr"])
def test_a_grid_of_paraview_holds_every_value_with_x_fastest(tmp_path, points, kind):
    record = broken(*points)
    (path,) = export_record(record, tmp_path / f"a.{kind}")
    root, arrays = parsed(path)
    for name, values in record.values.items():
        np.testing.assert_array_equal(arrays[name], values.ravel(order="F"))
    np.testing.assert_array_equal(arrays["vtkGhostType"], np.where(np.isnan(record.values["train_loss"]), 2, 0).ravel(order="F"))  # fmt: skip
    extent = next(root.iter("Piece")).get("Extent")
    assert extent == " ".join(f"0 {n - 1}" for n in (*points, 1, 1)[:3])
    if kind == "vtr":
        np.testing.assert_array_equal(arrays["x"], record.axes[0])
    else:
        spacing = next(root.iter("ImageData")).get("Spacing").split()
        assert float(spacing[0]) == pytest.approx(2 / (points[0] - 1))
    codes = next(each for each in root.iter("DataArray") if each.get("Name") == "model").text.split()
    assert bytes(map(int, codes[:-1])).decode() == record.model


def test_a_block_is_its_length_and_its_numbers(tmp_path):
    (path,) = export_record(examples.scan(2), tmp_path / "a.vtr")
    content = path.read_bytes()
    data = content[content.index(b"_", content.index(b"<AppendedData")) + 1 :]
    assert data[:24] == (16).to_bytes(8, "little") + np.array([0.1, 0.2]).astype("<f8").tobytes()


def test_uneven_axes_need_vtr(tmp_path):
    record = replace(examples.scan(3), axes=(np.array([0.0, 1.0, 3.0]),))
    with pytest.raises(InputError, match=r"write \.vtr"):
        export_record(record, tmp_path / "a.vti")
    export_record(record, tmp_path / "a.vtr")


def test_a_path_is_one_line_through_the_checkpoints_and_a_film_grows(tmp_path):
    record = examples.trajectory()
    (path,) = export_record(record, tmp_path / "a.vtp")
    _, arrays = parsed(path)
    np.testing.assert_array_equal(arrays["points"][:, :2], record.projected)
    np.testing.assert_array_equal(arrays["connectivity"], np.arange(4))
    np.testing.assert_array_equal(arrays["train_loss"], record.values["train_loss"])
    np.testing.assert_array_equal(arrays["step"], record.step)
    files = export_record(record, tmp_path / "b.pvd")
    names = re.findall(r'timestep="(\d+)" part="1" file="(.*?)"', files[0].read_text())
    assert [int(step) for step, _ in names] == record.step.tolist()
    assert [len(np.atleast_2d(parsed(tmp_path / name)[1]["points"])) for _, name in names] == [1, 2, 3, 4]
    assert all(file.exists() for file in files)


def test_the_paths_of_a_race_are_lines_of_their_own(tmp_path):
    record = examples.race()
    (path,) = export_record(record, tmp_path / "a.vtp")
    _, arrays = parsed(path)
    np.testing.assert_array_equal(arrays["offsets"], [3, 6])
    np.testing.assert_array_equal(arrays["points"][:, :2], record.projected.reshape(-1, 2))


@pytest.mark.parametrize("name", ["line", "plane", "volume", "trajectory", "topology", "race", "hessian", "batch-size", "sharpness"])  # fmt: skip
def test_netcdf_holds_every_number_and_the_settings(tmp_path, name):
    record = examples.EXAMPLES[name]()
    (path,) = export_record(record, tmp_path / "a.nc")
    with netcdf_file(path, mmap=False) as file:
        assert json.loads(file.settings) == record.settings
        assert file.model.decode() == record.model
        scan = getattr(record, "scan", record)
        values = getattr(scan, "values", record.arrays())
        for key, array in values.items():
            if array.dtype.kind not in "fiub":
                continue
            np.testing.assert_array_equal(file.variables[key.replace(".", "_")][...], array)
        if name == "plane":
            assert file.variables["train_loss"].dimensions == ("alpha", "beta")
            assert b"random 0" in file.variables["alpha"].long_name


def test_a_whole_number_beyond_32_bits_is_refused_by_netcdf(tmp_path):
    record = replace(examples.trajectory(), step=np.array([0, 5, 9, 2**40]))
    with pytest.raises(InputError, match="32 bits"):
        export_record(record, tmp_path / "a.nc")


def test_csv_has_a_row_for_each_point_with_all_digits(tmp_path):
    record = examples.scan(3, 4)
    (path,) = export_record(record, tmp_path / "a.csv")
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len(rows) == 12
    assert [float(row["train_loss"]) for row in rows] == record.values["train_loss"].ravel().tolist()
    assert [float(row["beta"]) for row in rows[:4]] == record.axes[1].tolist()
    (path,) = export_record(examples.trajectory(), tmp_path / "b.csv")
    assert [int(row["step"]) for row in csv.DictReader(path.read_text().splitlines())] == [0, 5, 9, 20]


def test_what_cannot_be_exported_is_refused_in_one_line(tmp_path):
    unfinished = replace(examples.scan(3), done=np.array([True, False, True]))
    for record, name, words in (
        (unfinished, "a.vti", "unfinished"),
        (unfinished, "a.csv", "unfinished"),
        (examples.hessian(), "a.vti", "has no grid"),
        (examples.scan(3), "a.vtp", "has no path"),
        (examples.scan(3), "a.pvd", "checkpoints of a trajectory"),
        (examples.sharpness(), "a.csv", "is no table"),
        (examples.scan(3), "a.vtj", "expected a name that ends in"),
    ):
        with pytest.raises(InputError, match=words):
            export_record(record, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["vti", "nc", "csv"])
def test_only_an_earlier_export_of_the_same_is_replaced(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(b"years of work")
    with pytest.raises(InputError, match="--fresh"):
        export_record(examples.scan(3), path)
    export_record(examples.scan(3), path, fresh=True)
    export_record(examples.scan(3), path)


def test_the_command_writes_an_export(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    examples.scan(3, 4).save("r.npz")
    for kind in ("vti", "vtr", "nc", "csv"):
        with pytest.raises(SystemExit) as end:
            main(["plot", "r.npz", "--format", kind, "--json"])
        assert end.value.code == 0
        assert json.loads(capsys.readouterr().out)["files"] == [f"r.{kind}"]


@pytest.mark.vtk
@pytest.mark.parametrize("points", [(5,), (3, 4), (2, 3, 4)], ids=str)
def test_vtk_reads_the_same_grid(tmp_path, points):
    pytest.importorskip("vtk")
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader, vtkXMLRectilinearGridReader

    record = broken(*points)
    for kind, reader in (("vti", vtkXMLImageDataReader()), ("vtr", vtkXMLRectilinearGridReader())):
        (path,) = export_record(record, tmp_path / f"a.{kind}")
        reader.SetFileName(str(path))
        reader.Update()
        grid = reader.GetOutput()
        assert grid.GetDimensions() == (*points, 1, 1)[:3]
        assert grid.GetBounds()[:2] == (-1.0, 1.0)
        np.testing.assert_array_equal(vtk_to_numpy(grid.GetPointData().GetArray("train_loss")), record.values["train_loss"].ravel(order="F"))  # fmt: skip
        assert grid.HasAnyBlankPoints()
        assert grid.GetFieldData().GetAbstractArray("model").GetValue(0) == record.model


@pytest.mark.vtk
def test_vtk_reads_the_same_path(tmp_path):
    pytest.importorskip("vtk")
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    record, reader = examples.trajectory(), vtkXMLPolyDataReader()
    (path,) = export_record(record, tmp_path / "a.vtp")
    reader.SetFileName(str(path))
    reader.Update()
    lines = reader.GetOutput()
    assert (lines.GetNumberOfPoints(), lines.GetNumberOfLines()) == (4, 1)
    np.testing.assert_array_equal(vtk_to_numpy(lines.GetPoints().GetData())[:, :2], record.projected)


@pytest.mark.xarray
@pytest.mark.parametrize(
    "name", ["line", "plane", "volume", "trajectory", "topology", "hessian", "batch-size"]
)
def test_xarray_has_every_array_and_reads_netcdf(tmp_path, name):
    xarray = pytest.importorskip("xarray")
    record = examples.EXAMPLES[name]()
    made = record.to_xarray()
    assert json.loads(made.attrs["settings"]) == record.settings
    (path,) = export_record(record, tmp_path / "a.nc")
    with xarray.open_dataset(path, engine="scipy") as read:
        for key, array in made.variables.items():
            if array.dtype.kind in "fiub":
                np.testing.assert_array_equal(read[key].values, array.values)
    if name == "plane":
        assert made["train_loss"].sel(alpha=0.0, beta=-1.0).item() == record.values["train_loss"][1, 0]


@pytest.mark.xarray
def test_pandas_has_a_row_for_each_point(tmp_path):
    pandas = pytest.importorskip("pandas")
    record = examples.scan(3, 4)
    frame = record.to_pandas()
    np.testing.assert_array_equal(frame["train_loss"].to_numpy().reshape(3, 4), record.values["train_loss"])
    (path,) = export_record(record, tmp_path / "a.csv")
    read = pandas.read_csv(path)
    pandas.testing.assert_frame_equal(read, frame, rtol=1e-15)


def test_without_the_packages_one_line_says_what_to_install(monkeypatch):
    import sys

    for name, ask in (("xarray", examples.scan(3).to_xarray), ("pandas", examples.scan(3).to_pandas)):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(InputError, match=f"needs {name}, which is not installed"):
            ask()
