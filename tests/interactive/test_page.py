"""The page holds what the record holds, nothing of it can become code, and its policy lets in nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.interactive import content, page_of, save_page
from landscape.interactive.page import HERE, SCRIPTS
from landscape.topology import analyze_topology
from tests.records import examples
from tests.topology.examples import himmelblau, scan_of

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")  # fmt: skip
HOSTILE = "a</script><script>alert(1)</script><!--\u2028&\"'"
RECORDS = {
    "line": lambda: examples.scan(5),
    "plane": lambda: examples.scan(3, 4),
    "volume": lambda: examples.scan(4, 3, 3),
    "trajectory": examples.trajectory,
    "race": examples.race,
    "topology": examples.topology,
}


def told(page):
    """Read the data of a page."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


class Elements(HTMLParser):
    """Collects elements with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", RECORDS)
def test_a_page_holds_every_value_as_float32(name):
    record = RECORDS[name]()
    scan = getattr(record, "scan", record)
    data = told(page_of([record], picture=PIXEL).decode())
    assert data["dimensions"] == len(scan.axes)
    (panel,) = data["panels"]
    for axis, ours in zip(panel["axes"], scan.axes, strict=True):
        assert axis["values"] == ours.tolist()
    held = np.frombuffer(base64.b64decode(panel["quantities"][0]["values"]), "<f4").reshape(scan.shape)
    np.testing.assert_array_equal(held, scan.quantity(scan.main).astype(np.float32))


def test_the_policy_names_the_hashes_of_the_two_texts_and_nothing_is_fetched():
    page = page_of([examples.scan(3, 4)], picture=PIXEL).decode()
    elements = Elements(page)
    (policy,) = [
        a["content"] for tag, a in elements.found if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';")
    script = page[page.rindex("<script>") + 8 : page.rindex("</script>")]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    for text, kind in ((script, "script"), (style, "style")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "http" not in re.sub(r"http-equiv", "", page)
    assert {a["src"].partition(",")[0] for _, a in elements.found if "src" in a} == {"data:image/png;base64"}
    assert not [
        a for _, a in elements.found if any(key.startswith("on") or key in ("style", "href") for key in a)
    ]
    assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write|fetch\(|XMLHttpRequest|import\(", script)  # fmt: skip


def test_without_data_and_picture_it_weighs_less_than_64_kilobytes():
    assert len(page_of([examples.scan(2, 2)], picture=PIXEL)) < 64_000


def test_names_stay_texts():
    record = replace(examples.scan(3, 4), settings={**examples.scan(3, 4).settings, "model_name": HOSTILE})
    page = page_of([record], picture=PIXEL).decode()
    assert page.count("<script") == 2
    assert "alert(1)</script>" not in page
    assert "\u2028" not in told(page)["panels"][0]["title"].replace(HOSTILE, "")
    assert told(page)["panels"][0]["title"] == HOSTILE
    assert "\u2028" not in re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1]


def test_a_page_that_would_be_too_large_shows_fewer_points_and_says_so(monkeypatch):
    monkeypatch.setattr(content, "MOST_BYTES", 20_000)
    page = page_of([himmelblau()], picture=PIXEL).decode()
    data = told(page)
    assert data["step"] > 1
    assert f"Every {data['step']}th point" in page
    assert len(data["panels"][0]["axes"][0]["values"]) == -(-121 // data["step"])


def test_panels_share_one_scale():
    one, two = himmelblau(21), himmelblau(21)
    two = replace(two, values={"train_loss": two.values["train_loss"] * 3 + 1})
    panels = told(page_of([one, two], ["a", "b"], picture=PIXEL).decode())["panels"]
    ends = [(panel["quantities"][0]["low"], panel["quantities"][0]["high"]) for panel in panels]
    assert ends[0] == ends[1]
    assert [panel["title"] for panel in panels] == ["a", "b"]


def test_other_losses_share_no_scale():
    plane = examples.scan(3, 4)
    other = replace(plane, settings={**plane.settings, "loss": "mse"})
    words = "cannot share a scale: one is training loss .cross-entropy, nats., another training loss .mean squared"
    with pytest.raises(InputError, match=words):
        page_of([plane, other], picture=PIXEL)


def test_basins_stand_in_the_page():
    found = analyze_topology(himmelblau(31))
    basins = told(page_of([found], picture=PIXEL).decode())["panels"][0]["basins"]
    assert len(basins["minima"]) == 4
    assert len(basins["saddles"]) == 3
    labels = np.frombuffer(base64.b64decode(basins["label"]), "<f4").reshape(31, 31)
    np.testing.assert_array_equal(labels, found.basin_of)


def test_points_that_diverged_are_not_numbers():
    values = np.ones((3, 4))
    values[1, 2] = np.inf
    data = told(page_of([scan_of(values)], picture=PIXEL).decode())
    held = np.frombuffer(base64.b64decode(data["panels"][0]["quantities"][0]["values"]), "<f4")
    assert np.isnan(held).nonzero()[0].tolist() == [6]
    assert told(page_of([scan_of(np.full((3, 4), np.nan))], picture=PIXEL).decode())["panels"][0]["summary"].endswith("nowhere finite")  # fmt: skip


def test_what_has_no_surface_is_refused_and_other_files_are_kept(tmp_path):
    unfinished = replace(examples.scan(3), done=np.array([True, False, True]))
    for record, words in ((unfinished, "unfinished"), (examples.hessian(), "found a record of"), (examples.scan(1, 1), "one to three axes")):  # fmt: skip
        with pytest.raises(InputError, match=words):
            page_of([record], picture=PIXEL)
    with pytest.raises(InputError, match="one number of axes"):
        page_of([examples.scan(3), examples.scan(3, 3)], picture=PIXEL)
    (tmp_path / "a.html").write_text("years of work")
    with pytest.raises(InputError, match="--fresh"):
        save_page([examples.scan(3)], tmp_path / "a.html", picture=PIXEL)
    save_page([examples.scan(3)], tmp_path / "b.html", picture=PIXEL)
    save_page([examples.scan(3)], tmp_path / "b.html", picture=PIXEL)


def test_a_notebook_shows_it_in_a_frame_without_access():
    shown = examples.scan(3, 4).show(height=300)._repr_html_()
    assert shown.startswith('<iframe sandbox="allow-scripts" width="100%" height="300"')
    assert "<script" not in shown


@pytest.fixture(scope="module")
def engine():
    """Run expressions with the functions of the page, in an engine without a document."""
    quickjs = pytest.importorskip("quickjs")
    context = quickjs.Context()
    context.eval("".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS))

    def run(expression):
        return json.loads(context.eval(f"JSON.stringify({expression})"))

    return run


@pytest.mark.javascript
def test_numbers_survive_the_text(engine):
    values = np.array([0.1, -2.5, np.nan, 3e8, 1e-30, 7], np.float32)
    found = engine(f"Array.from(decode('{content.encoded(values)}'))")
    assert [np.float32(np.nan if value is None else value).tobytes() for value in found] == [v.tobytes() for v in values]  # fmt: skip


@pytest.mark.javascript
def test_heights_go_from_0_to_1_and_back(engine):
    for log in ("true", "false"):
        scale = f"rangeOf(1, 100, 0.5, {log}, 1)"
        assert engine(f"[heightOf(1, {scale}), heightOf(100, {scale}), heightOf(1e9, {scale}), heightOf(NaN, {scale})]") == [0, 1, 1, None]  # fmt: skip
        for value in (1, 1.5, 7, 60):
            assert engine(f"valueAt(heightOf({value}, {scale}), {scale})") == pytest.approx(value)
    assert engine("rangeOf(0, 10, 1, false, 0.5).high") == 5
    assert engine("heightOf(3, rangeOf(3, 3, 1, true, 1))") == 0


@pytest.mark.javascript
def test_a_projection_keeps_lengths_and_what_is_near_is_drawn_last(engine):
    view = "{azimuth: 0.7, elevation: 0.5}"
    x, y = (np.array(engine(f"project({place}, 0.5, {view})")) for place in ("1, 0", "0, 1"))
    assert [x @ x, y @ y, x @ y] == pytest.approx([1, 1, 0])
    up = engine("project(0, 0, 1, {azimuth: 0.3, elevation: 0})")
    assert up[1] > 0
    assert up[0] == 0
    for azimuth in (0.3, 2.0, 4.0, 5.5):
        rows = engine(
            f"order(5, Math.sin({azimuth})).map(i => project(i, 0, 0, {{azimuth: {azimuth}, elevation: 0.6}})[2])"
        )
        assert rows == sorted(rows)


@pytest.mark.javascript
def test_values_between_points_are_bilinear_and_picking_finds_the_point(engine):
    axes, values = "[[0, 1, 3], [0, 2]]", "[0, 2, 1, 3, 3, 5]"
    assert engine(f"between({values}, {axes}, 2, 1)") == pytest.approx(3)
    assert engine(f"between({values}, {axes}, 4, 1)") is None
    assert engine(
        "[nearest([0, 1, 3], 1.9), nearest([0, 1, 3], 2.1), nearest([0, 1, 3], -9), nearest([0, 1, 3], 9)]"
    ) == [1, 2, 0, 2]
    assert engine("pick([[10, 10, 0, 5], [11, 10, 1, 6], [50, 50, 0, 7]], 10, 10, false)") == 6
    assert engine("pick([[10, 10, 0, 5]], 90, 90, false)") is None


@pytest.mark.javascript
def test_words_and_ticks(engine):
    assert engine("[said(0), said(-1.23456), said(2e-7), said(NaN), said(123456)]") == [
        "0",
        "−1.235",
        "2e−7",
        "not finite",
        "1.235e5",
    ]
    assert engine("ticks(-1, 1, 4)") == pytest.approx([-1, -0.5, 0, 0.5, 1])
    axes = "[{name: 'α', values: [0, 1]}, {name: 'β', values: [5, 6, 7]}]"
    quantity = "{label: 'loss', grid: [0, 1, 2, 3, 4, 5], doubt: [0, 0, 0, 0, 0.25, 0]}"
    assert engine(f"sentence(4, {quantity}, {axes})") == "α = 1, β = 6: loss 4 ± 0.25"


@pytest.mark.javascript
def test_a_picture_says_what_its_height_and_its_colours_are(engine):
    assert engine("['surface', 'contour', 'slice', 'level', 'curve'].map(mode => scaleWords(mode, 'loss (nats)', false))") == [
        "height and colours: loss (nats)",
        *["colours: loss (nats)"] * 3,
        "height: loss (nats)",
    ]  # fmt: skip
    assert engine("scaleWords('curve', 'loss', true)") == "height: loss, logarithmic"


@pytest.mark.javascript
def test_triangles_of_a_square_fill_every_pixel_once(engine):
    fill = "(() => { const pixels = new Uint32Array(64), corners = [[1.2, 0.7], [6.9, 1.1], [6.1, 7.2], [0.8, 6.4]];"
    one = "fillTriangle(pixels, 8, 8, corners[0], corners[1], corners[2], 1);"
    two = "fillTriangle(pixels, 8, 8, corners[0], corners[2], corners[3], 2);"
    first, second, both = (
        np.array(engine(f"{fill} {calls} return Array.from(pixels); }})()"))
        for calls in (one, two, one + two)
    )
    assert not ((first > 0) & (second > 0)).any()
    assert ((both > 0) == ((first > 0) | (second > 0))).all()
    area = 0.5 * abs((6.1 - 1.2) * (6.4 - 1.1) - (7.2 - 0.7) * (0.8 - 6.9))
    assert abs((both > 0).sum() - area) < 4


@pytest.mark.javascript
def test_a_volume_is_linear_between_its_points(engine):
    i, j, k = np.meshgrid(*[np.arange(float(n)) for n in (3, 4, 5)], indexing="ij")
    values = (2 * i - 3 * j + 0.5 * k).ravel().tolist()
    assert engine(f"inVolume({values}, [3, 4, 5], [1.25, 2.5, 3.75])") == pytest.approx(2.5 - 7.5 + 1.875)
    assert engine(f"inVolume({values}, [3, 4, 5], [9, -9, 4])") == pytest.approx(4 + 2)
    assert engine("[1, 2, 3].map(n => modesOf(n).map(([mode]) => mode))") == [
        [],
        ["surface", "contour"],
        ["slice", "level"],
    ]


@pytest.mark.javascript
def test_colours_get_lighter(engine):
    light = [np.dot([0.299, 0.587, 0.114], engine(f"color({share})")) for share in np.linspace(0, 1, 9)]
    assert light == sorted(light)
    assert engine("color(0)") == [68, 1, 84]


@pytest.mark.javascript
def test_a_level_surface_of_a_sphere_lies_on_it_and_borders_separate_labels(engine):
    n, radius = 9, 3.0
    grid = np.sqrt(((np.stack(np.meshgrid(*[np.arange(n) - 4.0] * 3, indexing="ij"))) ** 2).sum(axis=0))
    points = (
        np.array(engine(f"levelSurface({grid.ravel().tolist()}, [9, 9, 9], {radius}, 1)")).reshape(-1, 3) - 4
    )
    assert len(points) > 300
    assert np.abs(np.linalg.norm(points, axis=1) - radius).max() < 0.15
    # The slope points outwards, so the middle of the front faces the eye and the rim does not.
    seen = f"slopesOf({grid.ravel().tolist()}, [9, 9, 9], [4, 4, 7, 4, 4, 7, 4, 4, 7], 1)[0]"
    assert engine(seen) == pytest.approx([0, 0, 2])
    assert engine(f"facing({seen}, [9, 9, 9], {{azimuth: 0.3, elevation: {np.pi / 2}}})") == pytest.approx(1)
    assert engine(f"facing({seen}, [9, 9, 9], {{azimuth: 0.3, elevation: 0}})") == pytest.approx(0)
    assert engine("borders([0, 0, 1, 1], [2, 2])") == [[0.5, -0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 1.5]]
    assert engine("borders([0, -1, 0, -1], [2, 2])") == []
    assert engine("Array.from(sliceOf([0, 1, 2, 3, 4, 5, 6, 7], [2, 2, 2], 1))") == [1, 3, 5, 7]


@pytest.mark.javascript
@pytest.mark.parametrize(
    ("name", "size", "place"),
    [
        *((name, "1100,860", "") for name in RECORDS),
        ("plane", "390,844", ""),
        ("plane", "390,844", "#contour"),
        ("volume", "1100,860", "#level"),
    ],
)
def test_chromium_draws_it_without_an_error_or_a_request(tmp_path, name, size, place):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    save_page([RECORDS[name]()], tmp_path / "a.html")
    done = subprocess.run(
        [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'user'}",
         f"--window-size={size}", "--virtual-time-budget=2000", "--enable-logging=stderr", f"--screenshot={tmp_path / 'a.png'}",
         f"file://{tmp_path / 'a.html'}{place}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    from matplotlib.image import imread

    picture = imread(tmp_path / "a.png")
    assert picture.std() > 0.02


def test_chromium_writes_what_the_scale_and_the_axes_are(tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    save_page([RECORDS["plane"]()], tmp_path / "a.html", picture=PIXEL)
    done = subprocess.run(
        [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'user'}",
         "--virtual-time-budget=2000", "--dump-dom", f"file://{tmp_path / 'a.html'}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "height and colours: training loss (cross-entropy, nats)" in done.stdout
    shown = done.stdout.partition("<details>")[0]
    assert "α along random direction 0" in shown
    assert "β along random direction 1" in shown
