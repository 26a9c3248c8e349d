"""Write exports: the format of each file, and what may be overwritten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from landscape.errors import InputError, did_you_mean
from landscape.exporting import vtk
from landscape.exporting.frames import table_bytes
from landscape.exporting.netcdf import netcdf
from landscape.files import write_bytes_atomically
from landscape.marks import holds_mark, mark_of
from landscape.overwrite import refuse_overwriting
from landscape.records import Record, Trajectory

FORMATS: dict[str, Callable[[Record, str], bytes]] = {
    "vti": vtk.image,
    "vtr": vtk.rectilinear,
    "vtp": vtk.path,
    "pvd": lambda record, mark: b"",
    "nc": netcdf,
    "csv": lambda record, mark: table_bytes(record),
}


def export_names(record: Record, path: str | Path) -> list[Path]:
    """Name what an export writes: one file, and of a film one for each checkpoint beside it.

    Raises
    ------
    InputError
        An unknown format, or a film of something else than a trajectory.
    """
    path = Path(path)
    name = path.suffix.removeprefix(".")
    if name not in FORMATS:
        raise InputError(
            f"{path}: expected a name that ends in {', '.join('.' + one for one in FORMATS)}{did_you_mean(name, FORMATS)}"
        )
    if name != "pvd":
        return [path]
    if not isinstance(record, Trajectory):
        raise InputError(
            f"a film (.pvd) is made of the checkpoints of a trajectory, found a record of the kind '{record.kind}'"
        )
    frames = [path.with_name(f"{path.stem}.{number:04d}.vtp") for number in range(record.step.size)]
    return [path, path.with_name(f"{path.stem}.plane.vtr"), *frames]


def export_record(
    record: Record, path: str | Path, *, inputs: Sequence[str | Path] = (), fresh: bool = False
) -> list[Path]:
    """Write a record for another program, in the format given by the ending of the name.

    Parameters
    ----------
    record
        Any finished record; only those with a grid have `.vti` (uniform axes) and `.vtr`, only those with a path `.vtp` and `.pvd`.
    path
        `.vti`, `.vtr`, `.vtp`, `.pvd` (ParaView), `.nc` (NetCDF-3) or `.csv`.
    inputs
        Files that are never overwritten.
    fresh
        Replace what is no export of this model.

    Returns
    -------
    list of pathlib.Path
        What was written: a film is a list of files beside it.

    Raises
    ------
    InputError
        A format that cannot hold this record, or a path that is not to be overwritten.
    ComputationError
        The file could not be written.
    """
    paths = export_names(record, path)
    mark = mark_of(record.kind, record.model, record.data)
    contents = (
        film_of(record, paths, mark) if len(paths) > 1 else [FORMATS[paths[0].suffix[1:]](record, mark)]
    )

    def ours(found: Path) -> bool:
        # A table has no place for a mark: its columns tell.
        first = contents[0].split(b"\n", 1)[0]
        return holds_mark(found, mark) or (
            found.suffix == ".csv" and found.read_bytes().startswith(first + b"\n")
        )

    for each in paths:
        refuse_overwriting(each, inputs=inputs, fresh=fresh, ours=ours)
    for each, content in zip(paths, contents, strict=True):
        write_bytes_atomically(each, content)
    return paths


def film_of(record: Record, paths: list[Path], mark: str) -> list[bytes]:
    """Make the files of a film: the list, the plane, and the path up to each checkpoint."""
    assert isinstance(record, Trajectory)
    plane, frames = paths[1], paths[2:]
    times = [(float(step), frame.name) for step, frame in zip(record.step, frames, strict=True)]
    parts = [part for time, name in times for part in ((time, plane.name), (time, name))]
    return [
        vtk.film(record, mark, parts),
        vtk.rectilinear(record, mark),
        *(vtk.path(record, mark, upto=number + 1) for number in range(len(frames))),
    ]
