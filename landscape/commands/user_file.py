"""`FILE.py:NAME` in place of MODEL: a function in the user's program that returns an objective."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from landscape.errors import InputError, did_you_mean

TARGET = re.compile(r"(?P<file>.+\.py)(?::(?P<name>.*))?")
EXPECTED = "expected FILE.py:NAME, a function that returns an objective or (module, loss, data)"


def target_of(model: Path) -> tuple[Path, str] | None:
    """Read FILE.py:NAME; None for anything else, such as a model's file. NAME may be empty here.

    >>> target_of(Path("nets/vit.py:small")), target_of(Path("digits.npz"))
    ((PosixPath('nets/vit.py'), 'small'), None)
    """
    found = TARGET.fullmatch(str(model))
    return None if found is None else (Path(found["file"]), found["name"] or "")


def objective_and_training(
    file: Path, name: str, weights: Path | None = None, training: str | None = None
) -> tuple[Any, Any]:
    """Run the user's file, and make the objective of what its function returns, with the weights of a checkpoint where one is given.

    Beside it the function of the file that trains, None where none is named.

    Raises
    ------
    InputError
        There is no such file or function, an error in it (the message says at which line), or it returns something else.
    """
    if not file.is_file():
        raise InputError(f"{file}: no such file: {EXPECTED}")
    if not name:
        raise InputError(
            f"{file}: {EXPECTED}; the functions there are: {', '.join(functions_in(file)) or 'none'}"
        )
    program = run(file)
    function = found_in(program, file, name)
    train = None if training is None else found_in(program, file, training)
    if train is not None and not callable(train):
        raise InputError(f"--train: {file}: expected a function '{training}', found a {type(train).__name__}")
    return made_by(function, file, name, weights), train


@dataclass(frozen=True)
class Remaking:
    """FILE.py:NAME for a worker, which makes the objective again: the paths, and the hashes of the files' contents."""

    file: Path
    name: str
    weights: Path | None
    hashes: tuple[str, ...]

    @classmethod
    def of(cls, file: Path, name: str, weights: Path | None) -> Remaking:
        """Note the files as they are now."""
        paths = [path.resolve() for path in (file, weights) if path is not None]
        return cls(paths[0], name, None if weights is None else paths[1], tuple(map(hash_of, paths)))

    def __call__(self) -> Any:
        """Run the file, and make the objective.

        Raises
        ------
        InputError
            This machine does not see the files, or they are others by now.
        """
        paths = [path for path in (self.file, self.weights) if path is not None]
        if tuple(map(hash_of, paths)) != self.hashes:
            raise InputError(
                f"{', '.join(map(str, paths))}: missing, or different from those where the work began: put the same files where all workers see them"
            )
        return objective_and_training(self.file, self.name, self.weights)[0]


def hash_of(path: Path) -> str:
    """Hash a file; "" where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def found_in(program: ModuleType, file: Path, name: str) -> Any:
    """Find what a program has under a name.

    Raises
    ------
    InputError
        Nothing.
    """
    found = getattr(program, name, None)
    if found is None:
        there = functions_in(file)
        raise InputError(
            f"{file}: no function '{name}', there are {', '.join(there) or 'none'}{did_you_mean(name, there)}"
        )
    return found


def made_by(function: Any, file: Path, name: str, weights: Path | None) -> Any:
    """Make the objective of what a function returns, with the weights of a checkpoint where one is given.

    Raises
    ------
    InputError
        It fails, returns something else, or takes no checkpoint.
    """
    from landscape.objective.kinds import is_objective

    with blamed(file):
        found = function() if callable(function) and not is_objective(function) else function
    made = as_objective(found, f"{file}:{name}")
    if weights is not None:
        load = getattr(made, "load", None)
        if load is None:
            raise InputError(
                "--weights: is for a TorchObjective or (module, loss, data), and this is another objective"
            )
        load(weights)
    return made


def functions_in(file: Path) -> list[str]:
    """Name the functions of a file, as far as it can be read."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError):
        return []
    return [node.name for node in body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]


def run(file: Path) -> ModuleType:
    """Run a file as a module, with its folder first where modules are looked for, as Python runs a program."""
    spec = importlib.util.spec_from_file_location(f"{file.stem}__program", file)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))
    # The source of its classes is looked up by this.
    sys.modules[spec.name] = program
    with blamed(file):
        spec.loader.exec_module(program)
    return program


@contextmanager
def blamed(file: Path) -> Iterator[None]:
    """Turn an error of the user's code into a one-line message with file and line.

    Raises
    ------
    InputError
        There was one.
    """
    from landscape.objective.blame import first_line, place_of

    try:
        yield
    except InputError:
        raise
    except SyntaxError as error:
        raise InputError(f"{error.filename}:{error.lineno}: SyntaxError: {error.msg}") from None
    except (Exception, SystemExit) as error:
        where = place_of(error) or str(file)
        raise InputError(f"{where}: {type(error).__name__}: {first_line(error)}") from None


def as_objective(found: Any, where: str) -> Any:
    """Take an objective, or make one of (module, loss, data).

    Raises
    ------
    InputError
        It is something else.
    """
    from landscape.objective.kinds import is_objective

    if is_objective(found):
        return found
    if isinstance(found, tuple | list) and len(found) == 3:
        from landscape.torch_objective import TorchObjective

        return TorchObjective(*found)
    size = f" of {len(found)}" if isinstance(found, tuple | list) else ""
    raise InputError(
        f"{where}: expected an objective or (module, loss, data), found a {type(found).__name__}{size}: return one of these"
    )
