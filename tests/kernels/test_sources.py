"""Properties of the sources of compiled kernels: their hash covers everything, and no store in them is lost."""

from __future__ import annotations

import ast
import math
import shutil
from pathlib import Path

import llvmlite.binding as llvm
import numba
import pytest

from landscape import jit

# Read by the compiled modules at import, and no number of theirs gets into compiled code.
UNCOMPILED = {"interrupt"}
# Numba inlines it: what it returns is a tuple of the caller's.
LOADING = "frame_of"


def compiled_modules() -> list[Path]:
    """Give the modules of the CPU that define compiled functions."""
    found = (path for folder in ("formulas", "kernels") for path in (jit.PACKAGE / folder).rglob("*.py"))
    return [path for path in found if "cuda" not in path.parts and "@kernel" in path.read_text("utf-8")]


def test_what_a_compiled_module_imports_is_hashed():
    hashed = {name.removesuffix(".py") for name in jit.SOURCES} | UNCOMPILED
    imported = {
        node.module.split(".")[1]
        for path in compiled_modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module.startswith("landscape.")
    }
    assert "kernels" in imported
    assert imported <= hashed


@pytest.mark.parametrize("name", jit.SOURCES)
def test_an_edit_of_any_source_changes_the_hash(name, tmp_path, monkeypatch):
    for source in jit.SOURCES:
        place = jit.PACKAGE / source
        (shutil.copytree if place.is_dir() else shutil.copy)(place, tmp_path / source)
    monkeypatch.setattr(jit, "PACKAGE", tmp_path)
    before = jit.source_digest()
    edited = tmp_path / name
    file = next(iter(sorted(edited.rglob("[a-z]*.py")))) if edited.is_dir() else edited
    file.write_text(file.read_text("utf-8") + "\n# another comment\n", "utf-8")
    assert jit.source_digest() != before


def names(target: ast.AST) -> set[str]:
    """Give the names that an assignment to several targets sets."""
    return (
        {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
        if isinstance(target, ast.Tuple)
        else set()
    )


def stored_into(function: ast.FunctionDef) -> set[str]:
    """Give the names of what a function stores into by an index, or of the tuples that hold it."""
    found = set()
    for node in ast.walk(function):
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AugAssign)
            else []
        )
        for target in targets:
            if isinstance(target, ast.Subscript):
                base = target.value
                while isinstance(base, ast.Attribute | ast.Subscript):
                    base = base.value
                found |= {base.id} if isinstance(base, ast.Name) else set()
    return found


def stored_through(function: ast.FunctionDef) -> set[str]:
    """Give the names of the tuples into whose arrays a function stores, as in `part.numbers[0] = 1`."""
    return {
        target.value.value.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign | ast.AugAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Attribute)
        and isinstance(target.value.value, ast.Name)
    }


def set_in(function: ast.FunctionDef) -> set[str]:
    """Give the names that a function itself sets."""
    return {
        part.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        for part in ast.walk(target)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }


def lost_stores(tree: ast.AST, viewing: set[str]) -> list[str]:
    """Name the functions that call a viewing one and store into an array which they unpacked from a tuple, or load a frame and store through a part of it."""
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            calls = {
                n.func.id
                for n in ast.walk(function)
                if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
            }
            unpacked = {
                name for n in ast.walk(function) if isinstance(n, ast.Assign) for name in names(n.targets[0])
            }
            if calls & viewing and unpacked & stored_into(function):
                found.append(function.name)
            if LOADING in calls and stored_through(function) & set_in(function):
                found.append(function.name)
    return found


def viewing_functions() -> set[str]:
    """Give the names of the functions that become part of their callers' text."""
    return {
        function.name
        for path in compiled_modules()
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef)
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and any(keyword.arg == "viewing" for keyword in decorator.keywords)
    }


def test_no_store_is_lost_where_numba_inlines_a_function():
    viewing = viewing_functions()
    assert "with_adjoints" in viewing
    for path in compiled_modules():
        assert lost_stores(ast.parse(path.read_text("utf-8")), viewing) == [], path


def test_a_store_that_would_be_lost_is_found():
    code = "def f(run):\n    log, step = run.log, run.step\n    g(run)\n    log.norms[step] = 1.0"
    assert lost_stores(ast.parse(code), {"g"}) == ["f"]
    assert lost_stores(ast.parse(code.replace("log, step = run.log, run.step", "log = run.log")), {"g"}) == []
    code = "def f(pointer):\n    given = frame_of(pointer)\n    out = given.taps\n    out.numbers[0] += 1.0"
    assert lost_stores(ast.parse(code), set()) == ["f"]
    assert lost_stores(ast.parse(code.replace("frame_of(pointer)", "pointer")), set()) == []


def of_the_package(function):
    """Compile a function as one of the package's own."""
    function.__module__ = jit.__name__
    return jit.kernel(cached=False)(function)


@of_the_package
def long_formula(x):
    total = 0.0
    for i in range(1, 9):
        total += (
            math.exp(-i * x) * math.sin(i * x) + math.log1p(i * x * x) * math.cos(x / i) + math.tanh(x - i)
        )
        total += (
            math.atan2(x, i) * math.sqrt(1 + x * x * i)
            + math.erf(x / i) * math.expm1(-x * i)
            + math.sinh(x / i)
        )
    return total


@of_the_package
def called_twice(x):
    return long_formula(x) + long_formula(2.0 * x)


def test_compiled_code_has_the_functions_that_it_calls_for_itself():
    assert math.isfinite(called_twice(0.5))
    library = called_twice.overloads[called_twice.signatures[0]].library
    own = [function for function in library._final_module.functions if not function.is_declaration]
    # Of functions that several libraries have under one name the one that is loaded first would stand for all.
    assert any(function.linkage == llvm.Linkage.private for function in own)
    assert not [function.name for function in own if function.linkage == llvm.Linkage.linkonce_odr]


# What a user compiles by Numba's own decorator, out of functions of the package.
from_outside = numba.njit(cache=False)(lambda x: long_formula(x) + long_formula(3.0 * x))


def test_code_of_others_does_not_call_the_package_s_own_copies():
    assert math.isfinite(called_twice(0.5))
    library = called_twice.overloads[called_twice.signatures[0]].library
    names = {function.name for function in library._final_module.functions if not function.is_declaration}
    private = {
        function.name
        for function in library._final_module.functions
        if function.linkage == llvm.Linkage.private
    }
    assert private < names
    # A name in the object would be found by any other code that has a function of that name.
    text = library._get_compiled_object()
    assert not [name for name in private if name.encode() in text]
    assert from_outside(0.5) == pytest.approx(long_formula(0.5) + long_formula(1.5), rel=1e-12)


def as_a_part(function):
    """Return the object from which compiled callers take a function."""
    return function.get_call_template.__self__


@of_the_package
def tripled(x):
    return 3.0 * x


@of_the_package
def tripled_and_one(x):
    return tripled(x) + 1.0


def test_what_only_compiled_code_calls_has_no_machine_code_of_its_own_until_python_calls_it():
    assert tripled_and_one(2.0) == 7.0
    assert tripled.signatures == []
    (part,) = as_a_part(tripled).overloads.values()
    assert part.library.get_pointer_to_function(part.fndesc.llvm_func_name) == 0
    # From Python, and from what a user compiles, it is there as any other.
    assert tripled(2.0) == 6.0
    assert len(tripled.signatures) == 1
    assert numba.njit(cache=False)(lambda x: tripled(x) - 1.0)(2.0) == 5.0


def in_the_package(function):
    """Compile a function by Numba's own decorator, as a module of the package might."""
    function.__module__ = jit.__name__
    return numba.njit(cache=False)(function)


@in_the_package
def halved(x):
    return 0.5 * x


@of_the_package
def halved_and_one(x):
    return halved(x) + 1.0


def test_a_function_under_another_decorator_can_be_called_from_python_after_compiled_code_took_it():
    assert halved_and_one(2.0) == 2.0
    assert len(halved.signatures) == 1
    assert halved(2.0) == 1.0


@of_the_package
def shifted(x, count, back):
    return x - count if back else x + count


@of_the_package
def called_with_constants(x):
    return shifted(x, 1, True) + shifted(x, 2, False) + shifted(x, int(x), x > 0)


def test_a_function_is_compiled_once_for_all_constants_it_is_called_with():
    assert called_with_constants(3.0) == 2.0 + 5.0 + 0.0
    assert len(as_a_part(shifted).signatures) == 1
