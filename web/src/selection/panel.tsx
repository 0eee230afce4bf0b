// The right side: what is selected, and everything known of it.
import { treatment as aboutTreatment } from "../data/treatment";
import { number } from "../format";
import { marks, ownMark } from "../marks";
import { clear } from "../select";
import { section, selection, theScreen } from "../state";
import { columnOf, shortLabel } from "../values";
import { useWaited } from "../wait";
import { AttributionOf } from "./attribution";
import { Cells } from "./cells";
import { GroupPanel } from "./group";
import { Images, lookedWell } from "./images";
import { MarkBox } from "./mark_box";
import { Neighbours } from "./neighbours";
import { ReportPanel } from "./report_panel";

const SECTIONS = {
  images: { name: "Images", show: Images },
  cells: { name: "Cells", show: Cells },
  neighbours: { name: "Neighbours", show: Neighbours },
  attribution: { name: "Attribution", show: AttributionOf },
  panel: { name: "Report", show: ReportPanel },
};

export function SelectionPanel() {
  const chosen = selection.value;
  marks.value;
  if (chosen.treatment < 0 && chosen.well < 0) {
    if (chosen.wellCount + chosen.treatmentCount) return <GroupPanel />;
    return <Nothing />;
  }
  const shown = section.value in SECTIONS ? (section.value as keyof typeof SECTIONS) : "images";
  const Shown = chosen.treatment < 0 ? Images : SECTIONS[shown].show;
  return (
    <div class="selected">
      <Head />
      {chosen.treatment >= 0 && (
        <div class="tabs" role="tablist" aria-label="About the selection">
          {Object.entries(SECTIONS).map(([key, { name }]) => (
            <button
              type="button" role="tab" id={`tab-${key}`} aria-selected={shown === key} aria-controls="about"
              onClick={() => (section.value = key)}
            >
              {name}
            </button>
          ))}
        </div>
      )}
      <div id="about" role="tabpanel" aria-labelledby={`tab-${shown}`}>
        <Shown />
      </div>
    </div>
  );
}

function Words({ words: [first, ...more] }: { words: string[] }) {
  if (!first) return null;
  return (
    <div class="words">
      <p>{first}</p>
      {more.length > 0 && (
        <details>
          <summary>More in words</summary>
          {more.map((sentence) => <p>{sentence}</p>)}
        </details>
      )}
    </div>
  );
}

function Nothing() {
  const { about } = theScreen();
  return (
    <div class="nothing">
      <h2>Nothing selected</h2>
      <p>Click a row, a dot or a well: its images come here, beside a control of the same plate. Draw a lasso around dots to see what a group has in common.</p>
      {!about.images.there && about.images.words && <p class="gone">{about.images.words}</p>}
      <p class="soft">Press ? for the keys.</p>
    </div>
  );
}

function Head() {
  const { about, wells, treatments } = theScreen();
  const { treatment, well } = selection.value;
  const waited = useWaited(treatment, () => (treatment < 0 ? Promise.reject(new Error("")) : aboutTreatment(treatment)));
  const known = waited && "found" in waited ? waited.found : null;
  const looked = lookedWell();
  const { frame } = treatments;
  const facts = treatment < 0
    ? []
    : ["mechanism", "target", "dose", `${about.lead}/effect`, `${about.lead}/q`, "cell_count_ratio", "n_wells"]
        .filter((name) => frame.has(name))
        .map((name) => {
          const text = frame.isNumber(name) ? number(frame.number(name)[treatment]) : frame.text(name)[treatment];
          return { name, text };
        })
        .filter(({ text }) => text);
  const flags = treatment >= 0 && frame.has("flags") ? frame.text("flags")[treatment] : "";
  return (
    <header class="head">
      <div class="title">
        <h2>{treatment >= 0 ? treatments.name[treatment] : `${about.plates[wells.plate[well]].name} ${wells.name[well]}`}</h2>
        <button type="button" class="plain" aria-label="Clear the selection" title="Clear (Esc)" onClick={clear}>✕</button>
      </div>
      {treatment < 0 && <p class="soft">{wells.role[well]}</p>}
      <dl class="facts">
        {facts.map(({ name, text }) => (
          <div title={columnOf("treatment", name).meaning ?? ""}>
            <dt>{shortLabel(columnOf("treatment", name))}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {flags && <p class="flag">{flags}</p>}
      {known && <Words words={known.words.filter((one) => !flags || !one.includes(flags))} />}
      {treatment >= 0 && (
        <MarkBox things={[{ kind: "treatment", index: treatment }]} known={ownMark({ kind: "treatment", index: treatment })} label={treatments.name[treatment]} />
      )}
      {(treatment < 0 || well >= 0) && looked >= 0 && (
        <details class="wellmark" open={treatment < 0}>
          <summary>Mark well {wells.name[looked]} alone</summary>
          <MarkBox things={[{ kind: "well", index: looked }]} known={ownMark({ kind: "well", index: looked })} label={`well ${wells.name[looked]}`} />
        </details>
      )}
    </header>
  );
}
