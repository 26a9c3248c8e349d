"""How much memory is left: the least of what machine, container and process allow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from landscape import memory
from landscape.memory import available_memory, fits_memory


@pytest.fixture
def container(tmp_path, monkeypatch):
    """Pretend to run in a container of 3 GB that uses 2 GB, 1.5 GB of them for cached files."""
    (tmp_path / "memory.max").write_text("3000000000\n")
    (tmp_path / "memory.current").write_text("2000000000\n")
    (tmp_path / "memory.stat").write_text("anon 500000000\ninactive_file 1000000000\nactive_file 500000000\n")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", ((tmp_path, "memory.max", "memory.current"),))
    monkeypatch.setattr(memory, "_machine", lambda: 10**12)
    return tmp_path


def test_a_containers_limit_counts_and_its_cached_files_do_not(container):
    assert available_memory() == 2_500_000_000


def test_a_container_without_a_limit_leaves_what_the_machine_has(container):
    (container / "memory.max").write_text("max\n")
    assert available_memory() == 10**12


def test_there_is_never_less_than_nothing(container):
    (container / "memory.max").write_text("1\n")
    (container / "memory.stat").write_text("")
    assert available_memory() == 0


def test_a_machine_that_says_nothing_is_asked_otherwise(monkeypatch):
    monkeypatch.setattr(memory, "Path", lambda *names: Path("/absent"))
    assert 0 < memory._machine() <= sys.maxsize


def test_only_what_is_large_is_compared_with_what_is_left(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    assert fits_memory(memory.UNASKED)
    assert fits_memory(10**9)
    assert not fits_memory(10**9 + 1)
