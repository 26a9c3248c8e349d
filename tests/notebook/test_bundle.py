"""In a notebook every record, model and diagnosis shows a summary and a figure: small, without scripts, and nothing is computed."""

from __future__ import annotations

import base64
import json
import re
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from landscape import Recorder, bundled_path, diagnose, load_model, scan
from landscape.objective import NetworkObjective
from landscape.tables.topology import headline
from landscape.topology import surface_of
from tests.records.examples import EXAMPLES
from tests.topology.examples import himmelblau

LIMIT = 300_000


def digits() -> Any:
    return load_model(bundled_path("digits"))


def opaque(folder: Any) -> Any:
    with Recorder(folder / "run.npz", {"w": np.zeros(2)}, None, None, announce=lambda _: None) as recorder:
        for step in range(5):
            recorder.step(loss=5.0 - step)
    return recorder.result


def kept(shown: dict[str, Any]) -> int:
    """Bytes that a notebook keeps of it, a picture in base64."""
    return len(
        json.dumps({k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in shown.items()})
    )


def require_plain(shown: dict[str, Any]) -> None:
    """Hold what is shown to what notebooks keep when they are opened again."""
    assert {"text/plain", "text/html"} <= shown.keys()
    assert kept(shown) < LIMIT
    page = shown["text/html"]
    assert not re.search(r"<script|<style|<link|javascript:|\son\w+=|https?://", page)
    assert page.count("<table") == 1
    if "image/png" in shown:
        assert shown["image/png"].startswith(b"\x89PNG")
        assert base64.b64encode(shown["image/png"]).decode() in page
    assert all(len(line) < 400 for line in shown["text/plain"].splitlines())
    assert len(shown["text/plain"].splitlines()) < 120


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_record_shows_itself(example):
    record = EXAMPLES[example]()
    shown = record._repr_mimebundle_()
    require_plain(shown)
    assert shown["text/plain"].startswith(record.kind)
    # It is drawn once, and what is shown is no part of the record.
    assert record._repr_mimebundle_()["text/html"] is shown["text/html"]
    assert record == EXAMPLES[example]()


def test_models_and_diagnoses_show_a_figure(tmp_path):
    model = digits()
    found = diagnose(model, budget="quick")
    for each in (model, found, opaque(tmp_path)):
        require_plain(each._repr_mimebundle_())
    assert "image/png" in model._repr_mimebundle_()
    assert "healthy" in found._repr_mimebundle_()["text/plain"]
    assert "64" in model._repr_mimebundle_()["text/plain"]


def test_an_opaque_model_says_why(tmp_path):
    shown = opaque(tmp_path)._repr_mimebundle_()
    assert "it is not a module of PyTorch" in shown["text/plain"]
    assert "image/png" in shown


def test_a_scan_says_how_many_basins_it_has_as_its_command_does():
    record = himmelblau(21)
    line = headline(surface_of(record))
    assert "4 basins" in line
    shown = record._repr_mimebundle_()
    assert line in " ".join(shown["text/plain"].split())
    assert line in shown["text/html"]
    assert line in record.show()._repr_html_()
    unfinished = replace(record, done=np.zeros_like(record.done))
    assert "basin" not in unfinished._repr_mimebundle_()["text/plain"]


def test_kinds_are_chosen():
    model = digits()
    assert set(model._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert "image/png" not in model._repr_mimebundle_(exclude=["image/png"])


def test_nothing_is_computed(monkeypatch):
    model = digits()
    record = scan(model, points=5, examples=50)

    def refuse(*given: Any, **named: Any) -> None:
        raise AssertionError("a loss was computed")

    for name in ("__init__", "value", "values", "gradient"):
        monkeypatch.setattr(NetworkObjective, name, refuse)
    monkeypatch.setattr(type(model), "data_fingerprint", refuse)
    for each in (model, record):
        assert "image/png" in each._repr_mimebundle_()


def test_names_in_it_are_escaped():
    page = replace(digits(), name="<script>alert(1)</script>")._repr_mimebundle_()["text/html"]
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_picture_that_is_too_large_is_drawn_coarser_or_left_out(monkeypatch):
    from landscape.notebook import bundle

    module = sys.modules["landscape.notebook.bundle"]
    assert callable(bundle)
    whole = digits()._repr_mimebundle_()["image/png"]
    monkeypatch.setattr(module, "LARGEST", len(whole) - 1)
    assert len(digits()._repr_mimebundle_()["image/png"]) < len(whole)
    monkeypatch.setattr(module, "LARGEST", 10)
    assert "image/png" not in digits()._repr_mimebundle_()
