// The top: which screen, how finished, what was found, marks, theme and help.
import { useState } from "preact/hooks";
import { count } from "./format";
import { marks, markTrouble, saveMarks } from "./marks";
import { helpOpen, theScreen } from "./state";
import { isDark, switchTheme } from "./theme";

export function Header() {
  const { about, wells, treatments } = theScreen();
  const [open, setOpen] = useState<"" | "findings" | "marks">("");
  const grave = about.findings.filter((one) => one.severity === "error" || one.severity === "warning");
  const toggle = (name: "findings" | "marks") => setOpen(open === name ? "" : name);
  return (
    <header class="top">
      <h1>{about.title || "Screen"}</h1>
      <span class="soft counts">
        {count(wells.n, "well")} · {count(about.counts.treatments ?? treatments.n, "treatment")} · {count(about.plates.length, "plate")}
      </span>
      {(!about.status.finished || about.status.writing) && (
        <span class="unfinished" title={about.status.missing.map((one) => `${one.what}: ${one.why}`).join("\n")}>
          {about.status.words || "This study is not finished."}
        </span>
      )}
      <span class="space" />
      <button type="button" aria-expanded={open === "findings"} onClick={() => toggle("findings")}>
        Findings{grave.length ? ` (${grave.length})` : ""}
      </button>
      <button type="button" aria-expanded={open === "marks"} onClick={() => toggle("marks")}>
        Marks{marks.value.size ? ` (${marks.value.size})` : ""}
      </button>
      <button type="button" aria-label={isDark.value ? "Light colours" : "Dark colours"} title="Light or dark" onClick={switchTheme}>
        {isDark.value ? "☀" : "☾"}
      </button>
      <button type="button" aria-label="Help" title="Keys (?)" onClick={() => (helpOpen.value = !helpOpen.value)}>?</button>
      {open === "findings" && <Findings close={() => setOpen("")} />}
      {open === "marks" && (
        <div class="popup right" role="dialog" aria-label="Marks">
          <h2>Marks</h2>
          <p>
            {about.mode === "served"
              ? "Saved beside the study, never in its results."
              : "Kept in this browser only; save them to hand them on."}
          </p>
          {markTrouble.value && <p class="trouble" role="alert">{markTrouble.value}</p>}
          <ul class="marklist">
            {[...marks.value.values()].map((mark) => (
              <li>
                <b>{mark.mark}</b> {mark.kind === "well" ? `${mark.plate} ${mark.well}` : mark.treatment}
                {mark.note ? `: ${mark.note}` : ""}
              </li>
            ))}
            {!marks.value.size && <li class="soft">None yet.</li>}
          </ul>
          <div class="bar">
            <button type="button" onClick={() => saveMarks("csv")}>CSV</button>
            <button type="button" onClick={() => saveMarks("json")}>JSON</button>
            <span class="space" />
            <button type="button" onClick={() => setOpen("")}>Close</button>
          </div>
        </div>
      )}
    </header>
  );
}

function Findings({ close }: { close: () => void }) {
  const { about } = theScreen();
  return (
    <div class="popup right findings" role="dialog" aria-label="Findings">
      {about.answers.length > 0 && <h2>Answers</h2>}
      {about.answers.map((one) => (
        <details>
          <summary><b>{one.question}</b> {one.short}</summary>
          {one.sentences.map((sentence) => <p>{sentence}</p>)}
        </details>
      ))}
      <h2>Findings</h2>
      {!about.findings.length && <p class="soft">None.</p>}
      {about.findings.map((one) => (
        <details class={one.severity}>
          <summary><span class="severity">{one.severity}</span> {one.where ? `${one.where}: ` : ""}{one.what}</summary>
          {one.consequence && <p>{one.consequence}</p>}
          {one.remedy && <p>{one.remedy}</p>}
        </details>
      ))}
      {about.status.missing.length > 0 && <h2>Not there</h2>}
      {about.status.missing.map((one) => <p><b>{one.what}</b>: {one.why}</p>)}
      <div class="bar"><span class="space" /><button type="button" onClick={close}>Close</button></div>
    </div>
  );
}
