"""The decorator of all compiled functions, with their flags and a cache that notices edited sources.

Numba's disk cache looks at a function's own file only, so an edited formula would leave its compiled callers
stale. The cache therefore lies in a folder named by a hash of every source file that kernels are made of, and by the width of
the vectors; an edit anywhere starts a new folder. `NUMBA_CACHE_DIR`, where it is set, is the place of these folders.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numba
from numba.core import event
from numba.core.codegen import CPUCodeLibrary, JITCPUCodegen
from numba.core.types.misc import unliteral

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from landscape.interrupt import whole_function
from landscape.machine import cpu_features, vector_bytes

Function = TypeVar("Function", bound=Callable[..., Any])

PACKAGE = Path(__file__).parent
SOURCES = ("jit.py", "machine.py", "streams.py", "formulas", "program", "kernels")
# Never `True`: `nnan` and `ninf` would delete the checks for points that diverged.
FAST = frozenset({"nsz", "arcp", "contract", "afn", "reassoc"})
# For compensated sums and range reductions, which reassociation would simplify away.
EXACT = frozenset({"nsz", "contract"})
# Vectors that a loop works on at a time. LLVM takes one for long bodies; two or more hide the latencies of a formula's chain of operations:
# tanh takes 0.7 of the time. Compiled once, so a long body costs nothing afterwards.
INTERLEAVED = 4


def source_digest() -> str:
    """Hash the sources that the CPU's compiled code is made of; kernels for a GPU are not kept."""
    digest = hashlib.sha256()
    for name in SOURCES:
        root = PACKAGE / name
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            if "cuda" in path.relative_to(PACKAGE).parts:
                continue
            digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Choose the folder of compiled kernels: the first writable one of the usual places."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    places = [Path(chosen)] if chosen else [Path(home) / "landscape"]
    # Windows has no numbers for users, and a temporary folder for each.
    user = os.getuid() if hasattr(os, "getuid") else "user"
    for place in [*places, Path(tempfile.gettempdir()) / f"landscape-{user}"]:
        folder = place / f"kernels-{source_digest()}-{vector_bytes()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="landscape-kernels-"))


CACHE = cache_folder()


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Use a folder for Numba's cache while one of our functions is decorated; a user's functions keep theirs."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


@contextmanager
def alone_in_cache(name: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock of a name in the folder of compiled kernels, so that one process at a time does that work.

    Yields whether this process is that one; without `wait` it may not be. Where the system or the file system has no locks it is.
    """
    with ExitStack() as stack:
        alone = True
        if fcntl is not None:
            with suppress(OSError):
                lock = stack.enter_context((CACHE / name).open("ab"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    alone = False
        yield alone


def alone(do: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does the same while holding the lock for saving and loading machine code."""

    def done_alone(*given: Any) -> Any:
        with alone_in_cache("saving"):
            return do(*given)

    return done_alone


def saved_alone(dispatcher: Any) -> Any:
    """Let a function's machine code be saved and loaded by one process at a time.

    Numba reads the index of a function, takes the next free number for the file of the code, and writes the index again. Two processes that
    save one function for two signatures take the same number: the index then leads from one signature to the other's code.
    """
    files = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if files is None:
        return dispatcher
    for name in ("save", "load"):
        setattr(files, name, alone(getattr(files, name)))
    return dispatcher


class Compiling(event.Listener):
    """Tracks which functions are being compiled, and sets LLVM's count of interleaved vectors while one of ours is."""

    def __init__(self) -> None:
        self.ours: list[bool] = []
        self.for_python: list[bool] = []

    @property
    def of_ours(self) -> bool:
        """Whether a function of ours is being compiled, or what it calls."""
        return any(self.ours)

    @property
    def a_part(self) -> bool:
        """Whether the innermost is a function of ours that another of ours calls, and that Python cannot call."""
        return len(self.ours) > 1 and self.ours[-1] and any(self.ours[:-1]) and not self.for_python[-1]

    def on_start(self, event: Any) -> None:
        """Note a function; the outermost of ours sets the option."""
        self.ours.append(self.is_ours(event))
        self.for_python.append(not event.data["dispatcher"].targetoptions.get("no_cpython_wrapper"))
        self.interleave()

    def on_end(self, event: Any) -> None:
        """Remove the innermost function; without one of ours, LLVM chooses the count itself (0)."""
        self.ours.pop()
        self.for_python.pop()
        self.interleave()

    @staticmethod
    def is_ours(event: Any) -> bool:
        """Say whether a function is ours and not a user's."""
        return (event.data["dispatcher"].py_func.__module__ or "").split(".")[0] == __package__

    def interleave(self) -> None:
        """Set LLVM's option, which belongs to the process."""
        llvm.set_option("landscape", f"-force-vector-interleave={INTERLEAVED if self.of_ours else 0}")


COMPILING = Compiling()
event.register("numba:compile", COMPILING)


@cache
def machine_for_loops(codegen: Any) -> Any:
    """Return the target whose costs decide how wide loops become: of an x86 CPU with AVX-512 one that prefers vectors of the kernels' width.

    LLVM prefers half of it on Intel's, as if code with wide vectors slowed the clock; a tanh takes four fifths of the time with the whole.
    """
    if not cpu_features().get("avx512f"):
        return codegen._tm
    options: dict[str, Any] = {"opt": numba.config.OPT}
    codegen._customize_tm_options(options)
    options["features"] += f",{'-' if vector_bytes() == 64 else '+'}prefer-256-bit"
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(**options)


def as_ours(optimize: Callable[..., Any]) -> Callable[..., Any]:
    """Return the optimization of a library of machine code which does more for our functions, and nothing for what others of ours are made of.

    Loops become as wide as the kernels' vectors. And functions are not shared with other libraries:
    Numba links what a function calls into the function's library under a name that many libraries have, and each optimizes its copy in
    its own way. Of the copies that are loaded the first would stand for all: a result's last bits would depend on what was computed before
    it, and on whether code was compiled or found on the disk. They are private, without a name in the object: a name that is local to one library
    is found from others nevertheless, whose calls may pass other arguments than the optimized copy takes.
    """

    def optimized(library: Any) -> Any:
        if COMPILING.a_part:
            return None
        if not COMPILING.of_ours:
            return optimize(library)
        for function in library._final_module.functions:
            if not function.is_declaration and function.linkage == llvm.Linkage.linkonce_odr:
                function.linkage = "private"
        codegen = library._codegen
        usual, codegen._tm = codegen._tm, machine_for_loops(codegen)
        try:
            return optimize(library)
        finally:
            codegen._tm = usual

    return optimized


def without_code(finish: Callable[..., Any]) -> Callable[..., Any]:
    """Return the end of a library's making which makes no machine code of what is only a part of other functions."""

    def finished(library: Any) -> Any:
        if not COMPILING.a_part:
            return finish(library)
        library._finalize_dynamic_globals()
        library._finalized = True
        return None

    return finished


def where_there_is_code(set_environment: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the function that links machine code with its Python constants, to be skipped without machine code."""

    def told(codegen: Any, name: str, environment: Any) -> None:
        if not COMPILING.a_part:
            set_environment(codegen, name, environment)

    return told


CPUCodeLibrary._optimize_final_module = as_ours(CPUCodeLibrary._optimize_final_module)
CPUCodeLibrary._finalize_final_module = without_code(CPUCodeLibrary._finalize_final_module)
JITCPUCodegen.set_env = where_there_is_code(JITCPUCodegen.set_env)


def kernel(
    function: Function | None = None,
    *,
    exact: bool = False,
    cached: bool = True,
    within: bool = False,
    viewing: bool = False,
    apart: bool = False,
) -> Any:
    """Compile a function of the engine without signatures, cached on disk, NumPy's error model.

    It releases the interpreter's lock, so that threads can share work (`objective.session.share_work`). `exact` forbids
    reassociation; what is made anew for each type by an overload is
    not cached by itself, since it is part of its callers. `within` makes a long formula a part of its callers whatever LLVM thinks of its length,
    since a call in a loop keeps it scalar. `viewing` makes a function part of its callers' text, so that it may return a view of an array. In such a caller
    Numba drops stores into arrays that came out of a tuple by unpacking, which it takes for dead (`tests/kernels/test_sources.py`). `apart` has a
    function optimized by itself before its callers take it, for a loop that LLVM vectorizes only where it knows nothing of what surrounds it.

    References to arrays are not counted: a kernel allocates nothing, and what it is given outlives it. The counts are atomic additions to memory
    that all threads share, a tenth of the time of a small network's point, and a sixth of the compiler's.
    """
    options: dict[str, Any] = {
        "cache": cached,
        "error_model": "numpy",
        "fastmath": set(EXACT if exact else FAST),
        "nogil": True,
        "forceinline": within,
        "_nrt": False,
        "inline": "always" if viewing else "never",
    }

    def decorate(target: Function) -> Any:
        with cache_in(CACHE):
            dispatcher = whole_compiles(saved_alone(numba.njit(**options)(target)))
        return dispatcher if apart or numba.config.DISABLE_JIT else in_parts(dispatcher, options)

    return decorate if function is None else decorate(function)


def in_parts(dispatcher: Any, options: dict[str, Any]) -> Any:
    """Give compiled callers a function as LLVM source rather than machine code, so that it is optimized once, with its caller.

    Numba would optimize it and make machine code of it by itself first, and again in each of its callers and in theirs: half of the time of a first run.
    What calls it from Python takes the function as it is, with machine code of its own.
    """
    part = numba.njit(**options | {"cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True})(
        dispatcher.py_func
    )
    part = whole_compiles(part)
    dispatcher.get_call_template, dispatcher.get_overload = part.get_call_template, part.get_overload
    return dispatcher


def whole_compiles(dispatcher: Any) -> Any:
    """Delay Ctrl-C until a function is compiled and saved, or loaded, whether it or its caller was called.

    And compile it once for all constants that it is called with: Numba's types have a constant's value, and a function would be
    compiled anew for each, and each be a part of its callers.
    """
    if numba.config.DISABLE_JIT:
        return dispatcher
    compile_it = dispatcher.compile

    def compile_whole(signature: Any) -> Any:
        with whole_function():
            return compile_it(tuple(map(unliteral, signature)))

    dispatcher.compile = compile_whole
    return dispatcher


def is_kept(dispatcher: Any, arguments: tuple[Any, ...]) -> bool:
    """Say whether a function's machine code for the types of its arguments is on the disk; what is not known counts as not.

    Numba has no public question for it.
    """
    try:
        cache, codegen = dispatcher._cache, dispatcher.targetctx.codegen()
        return cache._index_key(arguments, codegen) in cache._cache_file._load_index()
    except Exception:
        return False
