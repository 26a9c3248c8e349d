"""The log of a training by itself: what trackers and frameworks write becomes series, each with the steps of its values."""

from landscape.logs.log import Log, Series
from landscape.logs.read import read_log

__all__ = ["Log", "Series", "read_log"]
