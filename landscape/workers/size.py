"""How many workers an executor has, as far as it tells."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from landscape.objective.session import available_cores


@dataclass(frozen=True)
class Size:
    """How many workers there are, how many of them share a machine, and whether all are on this one."""

    count: int
    on_one_machine: int = 1
    local: bool = False


def size_of(executor: Any) -> Size:
    """Count the workers of an executor.

    A process pool's share this machine. Dask's are counted host by host. Those of others are taken for one each on a machine, or bound to cores of
    their own, as MPI's are.

    >>> size_of(ProcessPoolExecutor(3))
    Size(count=3, on_one_machine=3, local=True)
    """
    client = getattr(executor, "_client", None)
    if client is not None:
        hosts = Counter(urlsplit(address).hostname or address for address in client.nthreads())
        return Size(max(1, hosts.total()), max(hosts.values(), default=1))
    told = getattr(executor, "_max_workers", None)
    count = told if isinstance(told, int) and told > 0 else available_cores()
    processes = isinstance(executor, ProcessPoolExecutor) or type(executor).__module__.split(".")[0] == "loky"
    return Size(count, count, local=True) if processes else Size(count)
