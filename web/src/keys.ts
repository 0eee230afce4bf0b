// Keys that work everywhere; plots and the table have their own.
import { clear } from "./select";
import { enlarged, helpOpen, upper, VIEWS, type ViewName } from "./state";
import { switchTheme } from "./theme";

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
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("find")?.focus();
    } else if (event.key === "?") helpOpen.value = !helpOpen.value;
    else if (event.key === "d") switchTheme();
    else if (event.key === "e") enlarged.value = !enlarged.value;
    else if (view && event.key !== " ") upper.value = view;
  });
}
