"""Read the log of a training from the files of trackers and frameworks, as series with their steps."""

from landscape.logs.log import Log, Series
from landscape.logs.read import read_log

__all__ = ["Log", "Series", "read_log"]
