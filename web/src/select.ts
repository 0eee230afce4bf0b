// Selecting: whatever is picked, wells and their treatments are selected together.
import { none, said, selection, theScreen, type Lasso, type Selection } from "./state";

function counted(chosen: Selection): Selection {
  let [wells, treatments] = [0, 0];
  for (const on of chosen.wells) wells += on;
  for (const on of chosen.treatments) treatments += on;
  return { ...chosen, wellCount: wells, treatmentCount: treatments };
}

function choose(chosen: Selection): void {
  const found = counted(chosen);
  selection.value = found;
  said.value = inWords(found);
}

export function inWords(chosen: Selection): string {
  const { wells, treatments } = theScreen();
  const size = `${chosen.wellCount} ${chosen.wellCount === 1 ? "well" : "wells"}`;
  if (chosen.treatment >= 0) return `${treatments.name[chosen.treatment]}, ${size} selected`;
  if (chosen.well >= 0) return `Well ${wells.name[chosen.well]} selected`;
  if (!chosen.wellCount && !chosen.treatmentCount) return "Nothing selected";
  return `${size} of ${chosen.treatmentCount} treatments selected`;
}

export const clear = (): void => choose(none());

interface How {
  adding?: boolean;
  lasso?: Lasso;
}

/** Selects wells; one well alone is also looked at, with its treatment. */
export function selectWells(wells: ArrayLike<number>, { adding = false, lasso }: How = {}): void {
  const { wells: all } = theScreen();
  const chosen = adding ? copy() : none();
  for (let i = 0; i < wells.length; i++) {
    chosen.wells[wells[i]] = 1;
    if (all.treatment[wells[i]] >= 0) chosen.treatments[all.treatment[wells[i]]] = 1;
  }
  const single = wells.length === 1 && !adding;
  chosen.well = single ? wells[0] : -1;
  chosen.treatment = single ? all.treatment[wells[0]] : -1;
  choose({ ...chosen, lasso: lasso ?? null });
}

/** A click on a well: its treatment with all its wells, and this well looked at. */
export function selectWell(well: number): void {
  const treatment = theScreen().wells.treatment[well];
  if (treatment < 0) return selectWells([well]);
  const chosen = ofTreatments([treatment], none());
  choose({ ...chosen, treatment, well });
}

export function selectTreatments(treatments: ArrayLike<number>, { adding = false, lasso }: How = {}): void {
  const chosen = ofTreatments(treatments, adding ? copy() : none());
  const single = treatments.length === 1 && !adding;
  choose({ ...chosen, treatment: single ? treatments[0] : -1, well: -1, lasso: lasso ?? null });
}

/** Takes a treatment out of the selection, or puts it in. */
export function toggleTreatment(treatment: number): void {
  const chosen = copy();
  const on = chosen.treatments[treatment] ? 0 : 1;
  chosen.treatments[treatment] = on;
  for (const well of theScreen().treatments.wells[treatment]) chosen.wells[well] = on;
  choose({ ...chosen, treatment: -1, well: -1 });
}

function copy(): Selection {
  const now = selection.peek();
  return { ...now, wells: now.wells.slice(), treatments: now.treatments.slice(), treatment: -1, well: -1, lasso: null };
}

function ofTreatments(treatments: ArrayLike<number>, chosen: Selection): Selection {
  const { wells } = theScreen().treatments;
  for (let i = 0; i < treatments.length; i++) {
    chosen.treatments[treatments[i]] = 1;
    for (const well of wells[treatments[i]]) chosen.wells[well] = 1;
  }
  return chosen;
}

/** Treatments that one step marks. */
export const MOST_MARKED = 200;

export function members(mask: Uint8Array): number[] {
  const found: number[] = [];
  mask.forEach((on, i) => on && found.push(i));
  return found;
}
