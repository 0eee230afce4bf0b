// Keys that work everywhere; plots and the table have their own.
import { KEYS, ownMark, setMarks, undoMarks, WORDS, type Thing, type Word } from "./marks";
import { clear, MOST_MARKED, members } from "./select";
import { lookedWell } from "./selection/images";
import { enlarged, helpOpen, notice, selection, upper, VIEWS, type ViewName } from "./state";
import { switchTheme } from "./theme";

/** What a key marks: the treatment or well looked at, or all treatments of a group. */
function meant(isWell: boolean): Thing[] {
  const chosen = selection.value;
  const well = lookedWell();
  if (isWell || (chosen.treatment < 0 && chosen.well >= 0)) return well < 0 ? [] : [{ kind: "well", index: well }];
  const treatments = chosen.treatment >= 0 ? [chosen.treatment] : members(chosen.treatments);
  return treatments.map((index) => ({ kind: "treatment", index }));
}

/** The same key again takes the mark away. */
function mark(word: Word, isWell: boolean): void {
  const things = meant(isWell);
  if (!things.length) return notice("Select something to mark.");
  if (things.length > MOST_MARKED) return notice(`At most ${MOST_MARKED} treatments are marked at once.`);
  const isSo = things.every((thing) => ownMark(thing)?.mark === word);
  void setMarks(things, isSo ? null : word);
}

export function listen(): void {
  window.addEventListener("keydown", (event) => {
    const at = event.target as HTMLElement;
    const isWriting = /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName) && (at as HTMLInputElement).type !== "range";
    if (event.key === "Escape") {
      if (helpOpen.value) helpOpen.value = false;
      else if (enlarged.value) enlarged.value = false;
      else if (isWriting) at.blur();
      else clear();
      return;
    }
    if (isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
    const view = Object.keys(VIEWS)[Number(event.key) - 1] as ViewName | undefined;
    const word = WORDS.find((one) => KEYS[one] === event.key.toLowerCase());
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("find")?.focus();
    } else if (event.key === "?") helpOpen.value = !helpOpen.value;
    else if (event.key === "d") switchTheme();
    else if (event.key === "z") void undoMarks();
    else if (word) mark(word, event.shiftKey);
    else if (event.key === "e") enlarged.value = !enlarged.value;
    else if (view && event.key !== " ") upper.value = view;
  });
}
