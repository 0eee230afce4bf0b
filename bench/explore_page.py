"""How fast is the explorer's page? First view, a selection in all views, frames while zooming.

    phenolens explore RESULTS --no-browser     # or an export behind `python -m http.server`
    python bench/explore_page.py ADDRESS [ADDRESS ...] [--chromium /usr/bin/chromium]

Clicks forty rows of the table and waits each time until all views are drawn; then turns the wheel
over the map for four seconds. Prints a line of JSON an address: milliseconds, frames a second, the
renderer, and MB of the page's JavaScript heap.
"""

from __future__ import annotations

import argparse
import json

from playwright.sync_api import sync_playwright

CLICKS = """async () => {
  const drawn = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  const times = [];
  for (let k = 0; k < 40; k++) {
    const row = [...document.querySelectorAll('.sheet .row')][k % 20], begun = performance.now();
    row.click();
    await drawn();
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  const map = document.querySelector('canvas.front'), begun = performance.now();
  let frames = 0;
  while (performance.now() - begun < 4000) {
    const turn = {deltaY: frames % 2 ? 30 : -30, clientX: 700, clientY: 250, cancelable: true};
    map.dispatchEvent(new WheelEvent('wheel', turn));
    await new Promise(done => requestAnimationFrame(done));
    frames++;
  }
  return {selection_ms_median: times[20], selection_ms_p95: times[37],
          frames_a_second: frames / 4, renderer: window.drawnBy.name,
          heap_mb: performance.memory.usedJSHeapSize / 1e6};
}"""


def main() -> None:
    """Open each page once."""
    asked = argparse.ArgumentParser()
    asked.add_argument("addresses", nargs="+")
    asked.add_argument("--chromium", default="/usr/bin/chromium")
    how = asked.parse_args()
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=how.chromium, args=["--no-sandbox", "--enable-precise-memory-info"]
        )
        for address in how.addresses:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(address)
            page.wait_for_selector("main")
            while not page.evaluate("window.drawnBy.frames"):  # its policy forbids to wait by eval
                page.wait_for_timeout(10)
            row = {"first_view_ms": page.evaluate("performance.now()")}
            page.wait_for_timeout(1500)
            row |= page.evaluate(CLICKS)
            print(json.dumps({k: round(v, 1) if not isinstance(v, str) else v
                              for k, v in row.items()}))  # fmt: skip
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
