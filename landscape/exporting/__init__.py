"""Records as files and objects of other programs: ParaView, NetCDF, CSV, xarray and pandas."""

from landscape.exporting.frames import to_pandas, to_xarray
from landscape.exporting.saving import FORMATS, export_names, export_record

__all__ = ["FORMATS", "export_names", "export_record", "to_pandas", "to_xarray"]
