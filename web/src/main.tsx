// Starts the page: reads the screen, then shows it.
import { render } from "preact";
import { App } from "./app";
import { readAbout, readScreen } from "./data/screen";
import { follow } from "./fragment";
import { resetStains } from "./images/stains";
import { listen } from "./keys";
import { readMarks } from "./marks";
import { none, screen, selection } from "./state";
import { drawnBy } from "./scatter/scatter";
import "./theme";

// A study being written is looked at again so often.
const AGAIN = 15_000;

async function start(): Promise<void> {
  const place = document.getElementById("app")!;
  try {
    if (location.protocol === "file:") {
      throw new Error("a browser reads no data from file://. Run `python -m http.server` in this folder and open the address it says.");
    }
    screen.value = await readScreen();
  } catch (error) {
    place.textContent = `The screen could not be read: ${(error as Error).message}`;
    place.className = "starting";
    return;
  }
  const { about } = screen.value;
  document.title = `${about.title || "Screen"} – phenolens`;
  selection.value = none();
  resetStains();
  follow();
  listen();
  place.textContent = "";
  render(<App />, place);
  performance.mark("shown");
  void readMarks();
  if (about.mode === "served" && (about.status.writing || !about.status.finished)) watch(about.stamp);
}

/** Reads everything again once the results have changed. */
function watch(stamp: string): void {
  setTimeout(async () => {
    const about = await readAbout().catch(() => null);
    if (about && about.stamp !== stamp) location.reload();
    else watch(stamp);
  }, AGAIN);
}

// For whoever measures: what drew, how many frames, in how long.
Object.assign(window, { drawnBy });

void start();
