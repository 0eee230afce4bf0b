// Activity: how far each treatment is from the controls, and how sure that is.
import { computed, signal } from "@preact/signals";
import { Missing } from "../data/files";
import { saveCsv } from "../download";
import { number } from "../format";
import { Boxes } from "../scatter/nearest";
import { Scatter } from "../scatter/scatter";
import type { Points } from "../scatter/points";
import { clear, selectTreatments } from "../select";
import { selection, theScreen, type Lasso } from "../state";
import { treatmentColours } from "../values";
import { ColourChoice } from "./colour_choice";
import { Legend, withLegend } from "./legend";

export const shownRepresentation = signal("");
const representation = computed(() => shownRepresentation.value || theScreen().about.lead);

const place = computed(() => {
  const { frame, n } = theScreen().treatments;
  const [x, y] = [new Float32Array(n).fill(NaN), new Float32Array(n).fill(NaN)];
  const names = ["effect", "q"].map((name) => `${representation.value}/${name}`);
  if (!names.every((name) => frame.has(name))) return null;
  const [effect, q] = names.map((name) => frame.number(name));
  for (let i = 0; i < n; i++) {
    x[i] = effect[i];
    y[i] = q[i] > 0 ? -Math.log10(q[i]) : NaN;
  }
  return { x, y, n };
});

const points = computed<Points | null>(() => {
  if (!place.value) return null;
  const { x, y, n } = place.value;
  const colours = treatmentColours.value;
  const rgb = colours && !(colours instanceof Missing) ? colours.rgb : new Uint8Array(3 * n).fill(150);
  const { treatments, treatmentCount } = selection.value;
  return { n, x, y, rgb, selected: treatments, anySelected: treatmentCount > 0 };
});
const focus = computed(() => (selection.value.treatment >= 0 ? [selection.value.treatment] : []));
const guides = computed(() => {
  const { alpha } = theScreen().about;
  return [{ y: -Math.log10(alpha), text: `q = ${alpha}` }];
});

/** Selects again what a lasso held; false where it is of no test of this screen. */
export function selectInActivity({ of, outline }: Lasso): boolean {
  const name = of.replace(/^activity /, "");
  if (!theScreen().about.representations.some((one) => `activity ${one.name}` === of)) return false;
  shownRepresentation.value = name;
  if (!place.value) return false;
  selectTreatments(new Boxes(place.value.x, place.value.y).inside(outline), { lasso: { of, outline } });
  return true;
}

export function ActivityView() {
  const { about, treatments } = theScreen();
  const tested = about.representations.filter((one) => treatments.frame.has(`${one.name}/effect`));
  if (!points.value) return <p class="empty">Activity was not tested.</p>;
  const q = treatments.frame.number(`${representation.value}/q`);
  const asCsv = () =>
    saveCsv(
      "activity.csv",
      ["treatment", "effect", "q"],
      treatments.name.map((name, i) => [name, place.value!.x[i], q[i]]),
    );
  return (
    <div class="view">
      <div class="bar">
        {tested.length > 1 && (
          <label>
            <span class="unseen">Profiles</span>
            <select value={representation.value} onChange={(event) => (shownRepresentation.value = event.currentTarget.value)}>
              {tested.map((one) => <option value={one.name}>{one.label}</option>)}
            </select>
          </label>
        )}
        <ColourChoice />
      </div>
      <Scatter
        name="activity"
        label={`Activity of ${treatments.n} treatments`}
        points={points.value}
        axes={["Effect (normalized mAP)", "−log10 q"]}
        ticked
        guides={guides.value}
        focus={focus.value}
        describe={(i) => `${treatments.name[i]}\neffect ${number(place.value!.x[i])}, q ${number(q[i])}`}
        onPick={(i) => (i < 0 ? clear() : selectTreatments([i]))}
        onLasso={(found, outline) => selectTreatments(found, { lasso: { of: `activity ${representation.value}`, outline } })}
        explained={(drawing) => withLegend(drawing, treatmentColours.value)}
        table={asCsv}
      />
      <Legend of="treatments" />
    </div>
  );
}
