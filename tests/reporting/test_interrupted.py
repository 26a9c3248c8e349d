"""A report that is interrupted: nothing half-written, nothing computed twice, and the same page in the end."""

from __future__ import annotations

import re
from dataclasses import replace

import landscape.reporting.report
from landscape.model import save_model
from landscape.progress import silent
from landscape.reporting.parts import PARTS
from tests.reporting.examples import curve, run


def test_an_interrupted_report_writes_nothing(tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(landscape.reporting.report, "diagnose", interrupted)
    save_model(curve(), "curve.npz")
    assert run("curve.npz") == 130
    assert "nothing was written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["curve.npz"]


class Computed:
    """Counts how often each part is computed, and presses Ctrl-C in one."""

    def __init__(self, monkeypatch):
        self.counts, self.press = {}, None
        parts = {
            name: replace(part, compute=self.counted(name, part.compute)) for name, part in PARTS.items()
        }
        monkeypatch.setattr(landscape.reporting.report, "PARTS", parts)
        diagnose = self.counted("diagnose", landscape.reporting.report.diagnose)
        monkeypatch.setattr(landscape.reporting.report, "diagnose", diagnose)

    def counted(self, name, compute):
        def work(model, *, announce=silent, **options):
            said = []
            if name == self.press:
                self.press = None
                raise KeyboardInterrupt
            record = compute(model, announce=said.append, **options)
            if not any("finished already" in sentence for sentence in said):
                self.counts[name] = self.counts.get(name, 0) + 1
            return record

        return work


def pages_alike(one, other):
    """Compare two pages but for the times."""
    cut = re.compile(rb"[\d.,]+ s\b")
    return cut.sub(b"", one) == cut.sub(b"", other)


def test_an_interrupted_report_goes_on_with_what_is_not_done_and_leaves_nothing_behind(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    save_model(curve(), "curve.npz")
    computed = Computed(monkeypatch)
    assert run("curve.npz", "--budget", "quick", "-o", "whole.html") == 0
    once = computed.counts
    for place, pressed in enumerate(("scan", "sharpness")):
        computed.counts, computed.press = {}, pressed
        assert run("curve.npz", "--budget", "quick") == 130
        err = capsys.readouterr().err
        assert ("resuming at" in err) == bool(place)
        assert "curve.report.unfinished.npz keeps what is done" in err
        assert not (tmp_path / "curve.report.html").exists()
    assert "diagnose" not in computed.counts
    assert run("curve.npz", "--budget", "standard") == 2
    assert "unfinished work with other settings (budget" in capsys.readouterr().err
    computed.counts = {}
    assert run("curve.npz", "--budget", "quick") == 0
    assert computed.counts == {"sharpness": 1, "trajectory": 1}
    assert set(once.values()) == {1}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "curve.npz",
        "curve.report.html",
        "whole.html",
    ]
    pages = [(tmp_path / name).read_bytes() for name in ("curve.report.html", "whole.html")]
    assert pages_alike(*pages)


def test_fresh_begins_an_interrupted_report_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(curve(), "curve.npz")
    computed = Computed(monkeypatch)
    computed.press = "hessian"
    assert run("curve.npz", "--budget", "quick") == 130
    computed.counts = {}
    assert run("curve.npz", "--budget", "quick", "--seed", "1", "--fresh") == 0
    assert set(computed.counts) >= {"diagnose", "scan", "hessian", "sharpness", "trajectory"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.npz", "curve.report.html"]
