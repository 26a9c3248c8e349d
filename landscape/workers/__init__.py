"""Parts of long work computed by other processes, on this machine or on many.

An *executor* is whatever has `submit` of `concurrent.futures`. `Workers` sends it what all parts share, once, and then the parts, and gives back
their results in the order in which they come. What a part is, and where results go, is a matter of the work: `Shared`.
"""

from landscape.workers.crew import Executor, Workers, as_workers
from landscape.workers.fill import fill
from landscape.workers.parcel import Shared
from landscape.workers.read import open_workers
from landscape.workers.size import Size

__all__ = ["Executor", "Shared", "Size", "Workers", "as_workers", "fill", "open_workers"]
