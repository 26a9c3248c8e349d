"""How much an interactive page weighs, and how many frames a second it draws while it is turned, in headless Chromium.

Required: less than 64 kB without data and picture, 30 frames a second at 101 × 101 points. The page is drawn anew for each frame, as turning does, by
a script that is appended after its own; for that its security policy is taken out.

    python benchmarks/page.py [--chromium chromium]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import landscape
from landscape.interactive import page_of

FRAMES, MOST_BYTES, LEAST_FRAMES = 120, 64_000, 30.0
PROBE = """
<script>
{
  state.mode = MODE;
  const begun = performance.now();
  for (let k = 0; k < FRAMES; k++) {
    state.azimuth += 0.05;
    for (const one of panels) draw(one);
    // What was drawn is waited for, so that nothing is left in a queue.
    panels[0].canvas.getContext("2d").getImageData(0, 0, 1, 1);
  }
  const words = document.createElement("p");
  words.textContent = "measured " + (1000 * FRAMES / (performance.now() - begun)).toFixed(1);
  document.body.append(words);
}
</script></body>
"""


def surface(count: int) -> Any:
    bumps = landscape.CallableObjective(lambda w: float(w @ w + 0.3 * np.cos(9 * w).sum()), size=2)
    return landscape.scan(bumps, center=np.zeros(2), direction=np.eye(2), points=count, span=1)


def frames(page: str, mode: str, chromium: str, folder: Path) -> float:
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    probe = PROBE.replace("FRAMES", str(FRAMES)).replace("MODE", f'"{mode}"')
    (folder / "page.html").write_text(page.replace("</body>", probe), encoding="utf-8")
    done = subprocess.run(
        [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder / 'user'}",
         "--window-size=1100,860", "--dump-dom", f"file://{folder / 'page.html'}"],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return float(re.findall(r"measured ([\d.]+)", done.stdout)[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="chromium")
    chromium = parser.parse_args().chromium
    failed = []
    with tempfile.TemporaryDirectory() as name:
        for count in (51, 101, 201):
            page = page_of([surface(count)]).decode()
            bare = re.sub(r'(id="data">).*?(</script>)', r"\1\2", page, flags=re.DOTALL)
            bare = re.sub(r"base64,[A-Za-z0-9+/=]+", "base64,", bare)
            rates = {mode: frames(page, mode, chromium, Path(name)) for mode in ("surface", "contour")}
            print(f"{count} x {count}: {len(page) / 1000:.0f} kB, {len(bare) / 1000:.1f} kB without data and picture; "
                  + ", ".join(f"{mode} {rate:.0f} frames/s" for mode, rate in rates.items()))  # fmt: skip
            if len(bare) > MOST_BYTES:
                failed.append(f"{len(bare)} bytes without data")
            if count == 101 and rates["surface"] < LEAST_FRAMES:
                failed.append(f"{rates['surface']:.1f} frames a second at 101 x 101")
    print("; ".join(failed) or "all within what is required")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
