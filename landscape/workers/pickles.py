"""What all parts of a work share as bytes, and back: a user's own objective is made anew on a worker where there is a function that makes it."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.objective.about import about
from landscape.objective.kinds import Wrapper, parts_of, point_of
from landscape.objective.protocol import HasValue

# Values that are found in many places, and travel as they are.
PLAIN = (bool, int, float, complex, str, bytes)
# How near a value must come to the driver's: workers of another kind may differ in last digits, and other data in more.
NEAR = 1e-4


@dataclass(frozen=True, eq=False)
class Anew:
    """An objective of the user's, and the function by which a worker makes it in place of unpickling it.

    Its other splits and its copies share `given`, the mapping of what it was made of, where it has one: they are put together from that.
    """

    maker: Callable[[], Any]
    objective: HasValue

    @classmethod
    def of(cls, maker: Callable[[], Any], objective: HasValue) -> Anew:
        """Take the objective itself where it is wrapped."""
        return cls(maker, objective.objective if isinstance(objective, Wrapper) else objective)

    def names(self) -> dict[int, str]:
        """Name by their identity the objects that stay behind."""
        given = parts_of(self.objective)
        if given is None:
            return {id(self.objective): ""}
        parts = {id(part): f".{name}" for name, part in given.items() if not is_plain(part)}
        return {id(given): ".", **parts}

    def mark(self) -> tuple[Any, Any]:
        """Say what a worker's objective is compared with: the hashes of network and data, or a point and the value there."""
        info = about(self.objective)
        if info is not None:
            return info.model, info.data
        theta = point_of(self.objective)
        return (None, None) if theta is None else (theta, float(self.objective.value(theta)))


class ByName:
    """A pickler that writes the names of objects that a worker makes anew."""

    left: Mapping[int, str]

    def persistent_id(self, thing: Any) -> str | None:
        """Name an object that stays behind; None for any other."""
        return self.left.get(id(thing))


class Pickler(ByName, pickle.Pickler):
    """Python's."""


class Unpickler(pickle.Unpickler):
    """Puts what was made anew in the place of its names."""

    def __init__(self, stream: io.BytesIO, made: Any) -> None:
        super().__init__(stream)
        self.made = made

    def persistent_load(self, name: str) -> Any:
        """Find what a name stands for."""
        if not name:
            return self.made
        return self.made.given if name == "." else self.made.given[name[1:]]


class Last:
    """What this process made anew last, by the bytes that say how."""

    header = b""
    made: Any = None


def is_plain(part: Any) -> bool:
    """Whether an object may be one that many share, and is small."""
    return part is None or isinstance(part, PLAIN) or (isinstance(part, tuple) and not part)


def pickled(shared: Any, anew: Anew | None = None) -> bytes:
    """Pickle what is shared; a caller's own functions go by value where cloudpickle is installed, which Dask and loky bring.

    Raises
    ------
    InputError
        A part of it cannot be pickled.
    """
    # What Python pickles by name a worker finds by name too, but for the names of a script or a notebook.
    try:
        content = written(Pickler, shared, anew)
        if b"__main__" not in content:
            return content
        reason = "it is defined in the script itself"
    except InputError:
        raise
    except Exception as error:  # whatever the parts raise
        content, reason = b"", f"{type(error).__name__}: {error}"
    try:
        import cloudpickle  # type: ignore[import-not-found, import-untyped, unused-ignore]

        return written(type("ByValue", (ByName, cloudpickle.Pickler), {}), shared, anew)
    except ImportError:
        if content:
            return content
        reason += "; with cloudpickle installed, functions of scripts and notebooks can be sent"
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    raise InputError(
        f"workers: the objective cannot be pickled to be sent to them ({reason}): make it of functions and classes of a module"
    )


def written(kind: Any, shared: Any, anew: Anew | None) -> bytes:
    """Write how an objective is made anew, as bytes in a pickle of their own, and then what is shared."""
    header = b""
    if anew is not None:
        header = dumped(kind, (anew.maker, anew.mark()), {})
    return pickle.dumps(header) + dumped(kind, shared, {} if anew is None else anew.names())


def dumped(kind: Any, thing: Any, left: Mapping[int, str]) -> bytes:
    """Pickle with a pickler of a kind, without what stays behind."""
    stream = io.BytesIO()
    pickler = kind(stream, protocol=5)
    pickler.left = left
    pickler.dump(thing)
    return stream.getvalue()


def unpickled(content: bytes) -> Any:
    """Make the objective anew where that is asked for, and give what is shared.

    Raises
    ------
    InputError
        The objective that is made here is another one, or a module is missing.
    """
    stream = io.BytesIO(content)
    try:
        header = pickle.load(stream)
        if header and header != Last.header:
            Last.header, Last.made = b"", None
            Last.made = made_by(*pickle.loads(header))
            Last.header = header
        return Unpickler(stream, Last.made).load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"cannot load what it is sent ({error}): install what the objective needs there, and put your own modules where Python finds them"
        ) from error


def made_by(maker: Callable[[], Any], mark: tuple[Any, Any]) -> Any:
    """Make an objective, and see that it is the one that the work began with.

    Raises
    ------
    InputError
        It has another network or other data.
    """
    made = maker()
    first, second = mark
    info = about(made)
    if info is not None:
        same = (info.model, info.data) == mark
    else:
        same = first is None or np.isclose(
            float(made.value(first)), second, rtol=NEAR, atol=0, equal_nan=True
        )
    if not same:
        raise InputError(
            "the objective that is made anew here is another one, with another network or other data: set the seeds of random numbers where it is made, "
            "and begin workers anew that have read its modules before they were changed"
        )
    return made
