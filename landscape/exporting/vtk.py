"""Files of ParaView: grids (`.vti`, `.vtr`), paths (`.vtp`) and films (`.pvd`), in VTK's XML with raw appended data.

Source: VTK File Formats, https://docs.vtk.org/en/latest/design_documents/VTKFileFormats.html. A surface is a grid of two axes: Warp By Scalar
raises it in ParaView. x runs fastest. Each block of data is its length in bytes, as UInt64, and its numbers, little-endian.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

import numpy as np

from landscape.errors import InputError
from landscape.exporting.layout import grid_values, path_values, scan_within
from landscape.records import Race, Record, Trajectory

TYPES = {"f4": "Float32", "f8": "Float64", "i4": "Int32", "i8": "Int64", "u1": "UInt8"}
# A point that filters leave out, of vtkDataSetAttributes.
HIDDEN = 2
# Steps of a uniform axis agree to this share.
UNIFORM = 1e-6


class Appended:
    """The data of a file, block after block, and the elements that lead to it."""

    def __init__(self) -> None:
        self.content = bytearray()

    def element(self, name: str, array: np.ndarray) -> str:
        """Add an array, [n] or [n, components], and write its element."""
        values = as_stored(array)
        kind = TYPES[values.dtype.str[1:]]
        components = f' NumberOfComponents="{values.shape[1]}"' if values.ndim == 2 else ""
        offset = len(self.content)
        data = values.tobytes()
        self.content += len(data).to_bytes(8, "little") + data
        return f'<DataArray type="{kind}" Name={quoteattr(name)}{components} format="appended" offset="{offset}"/>'


def as_stored(array: np.ndarray) -> np.ndarray:
    """Return an array in a type that VTK has, little-endian.

    >>> as_stored(np.array([True, False])).dtype.str, as_stored(np.arange(2, dtype=np.int16)).dtype.str
    ('|u1', '<i8')
    """
    if array.dtype.kind == "b" or array.dtype == np.uint8:
        return array.astype("<u1")
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, "<f4" if array.dtype.itemsize == 4 else "<f8")
    return np.ascontiguousarray(array, "<i4" if array.dtype == np.int32 else "<i8")


def document(kind: str, mark: str, body: str, data: Appended) -> bytes:
    """Write a file: the description, and behind it the data."""
    head = (
        f'<?xml version="1.0"?>\n<!-- {mark} -->\n'
        f'<VTKFile type="{kind}" version="1.0" byte_order="LittleEndian" header_type="UInt64">\n'
        f'{body}\n<AppendedData encoding="raw">\n_'
    )
    return head.encode() + bytes(data.content) + b"\n</AppendedData>\n</VTKFile>\n"


def field_data(record: Record) -> str:
    """Write into the file the model and data that it belongs to; text is stored as character codes."""
    texts = {"model": record.model, "data": record.data, "landscape": record.version}
    return "<FieldData>" + "".join(
        f'<DataArray type="String" Name="{name}" NumberOfTuples="1" format="ascii">{" ".join(map(str, [*text.encode(), 0]))}</DataArray>'
        for name, text in texts.items()
    ) + "</FieldData>"  # fmt: skip


def point_data(record: Record, data: Appended) -> str:
    """Write the quantities over the grid; points without a value are also hidden, so that filters pass them over."""
    scan = scan_within(record)
    parts = [
        data.element(name, array.ravel(order="F"))
        for name, array in grid_values(record).items()
        if name != "done"
    ]
    hidden = np.where(np.isfinite(scan.quantity(scan.main)), 0, HIDDEN).astype(np.uint8)
    parts.append(data.element("vtkGhostType", hidden.ravel(order="F")))
    return f"<PointData Scalars={quoteattr(scan.main)}>" + "".join(parts) + "</PointData>"


def extent_of(shape: tuple[int, ...]) -> str:
    """Write the first and the last index along x, y and z; an axis that is not there has one point.

    >>> extent_of((3, 4))
    '0 2 0 3 0 0'
    """
    return " ".join(f"0 {count - 1}" for count in (*shape, 1, 1)[:3])


def is_uniform(axis: np.ndarray) -> bool:
    """Say whether the steps along an axis are equal."""
    steps = np.diff(axis.astype(np.float64))
    return bool(steps.size == 0 or np.ptp(steps) <= UNIFORM * steps.max())


def image(record: Record, mark: str) -> bytes:
    """Write a grid with uniform axes, `.vti`.

    Raises
    ------
    InputError
        The axes are not uniform, or there is no grid.
    """
    scan = scan_within(record)
    if not all(is_uniform(axis) for axis in scan.axes):
        raise InputError("the steps along an axis differ, which .vti cannot hold: write .vtr (--format vtr)")
    data, extent = Appended(), extent_of(scan.shape)
    origin = " ".join(repr(float(axis[0])) for axis in scan.axes) + " 0" * (3 - len(scan.axes))
    spacing = [float(axis[-1] - axis[0]) / (axis.size - 1) if axis.size > 1 else 1.0 for axis in scan.axes]
    steps = " ".join(map(repr, [*spacing, 1.0, 1.0][:3]))
    body = (
        f'<ImageData WholeExtent="{extent}" Origin="{origin}" Spacing="{steps}">{field_data(record)}'
        f'<Piece Extent="{extent}">{point_data(record, data)}</Piece></ImageData>'
    )
    return document("ImageData", mark, body, data)


def rectilinear(record: Record, mark: str) -> bytes:
    """Write a grid with any axes, `.vtr`.

    Raises
    ------
    InputError
        There is no grid.
    """
    scan = scan_within(record)
    data, extent = Appended(), extent_of(scan.shape)
    points = point_data(record, data)
    axes = [*scan.axes, np.zeros(1), np.zeros(1)][:3]
    coordinates = "".join(
        data.element(name, np.asarray(axis, np.float64)) for name, axis in zip("xyz", axes, strict=True)
    )
    body = (
        f'<RectilinearGrid WholeExtent="{extent}">{field_data(record)}'
        f'<Piece Extent="{extent}">{points}<Coordinates>{coordinates}</Coordinates></Piece></RectilinearGrid>'
    )
    return document("RectilinearGrid", mark, body, data)


def path(record: Record, mark: str, upto: int | None = None) -> bytes:
    """Write the path of a trajectory, or the paths of a race, as lines, `.vtp`; of a trajectory `upto` so many checkpoints.

    Raises
    ------
    InputError
        A record without a path.
    """
    if isinstance(record, Trajectory):
        places = record.projected[:upto]
        values = {name: array[:upto] for name, array in path_values(record).items()}
        lines = [np.arange(len(places))]
    elif isinstance(record, Race):
        count = record.step.size
        places = record.projected.reshape(-1, record.projected.shape[-1])
        values = {
            "step": np.tile(record.step, len(record.optimizers)),
            "optimizer": np.repeat(np.arange(len(record.optimizers)), count),
            "distance": record.distance.ravel(),
        }
        lines = [
            number * count + np.flatnonzero(np.isfinite(of).all(axis=1))
            for number, of in enumerate(record.projected)
        ]
    else:
        raise InputError(f"a record of the kind '{record.kind}' has no path: trajectories and races have one")
    return document("PolyData", mark, polylines(record, places, values, lines, data := Appended()), data)


def polylines(
    record: Record,
    places: np.ndarray,
    values: Mapping[str, np.ndarray],
    lines: list[np.ndarray],
    data: Appended,
) -> str:
    """Describe lines through points in the plane z = 0, or in space."""
    points = np.zeros((len(places), 3))
    points[:, : min(3, places.shape[1])] = places[:, :3]
    kept = [line for line in lines if len(line)]
    known = "".join(data.element(name, array) for name, array in values.items())
    ends = np.cumsum([len(line) for line in kept]).astype(np.int64)
    return (
        f"<PolyData>{field_data(record)}"
        f'<Piece NumberOfPoints="{len(points)}" NumberOfVerts="0" NumberOfLines="{len(kept)}" NumberOfStrips="0" NumberOfPolys="0">'
        f'<PointData Scalars="step">{known}</PointData><Points>{data.element("points", points)}</Points>'
        f"<Lines>{data.element('connectivity', np.concatenate(kept).astype(np.int64))}{data.element('offsets', ends)}</Lines>"
        "</Piece></PolyData>"
    )


def film(record: Trajectory, mark: str, parts: list[tuple[float, str]]) -> bytes:
    """Write the list of the files of a film, `.pvd`, each with its time."""
    rows = "\n".join(
        f'<DataSet timestep="{time:g}" part="{int(name.endswith(".vtp"))}" file={quoteattr(name)}/>'
        for time, name in parts
    )
    return (
        f'<?xml version="1.0"?>\n<!-- {mark} -->\n<VTKFile type="Collection" version="1.0" byte_order="LittleEndian">\n'
        f"<Collection>\n{rows}\n</Collection>\n</VTKFile>\n"
    ).encode()
