"""The hash of the compiled kernels' sources covers everything that they are made of."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from landscape import jit

# Read by the compiled modules at import, and no number of theirs gets into compiled code.
UNCOMPILED = {"interrupt"}


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
