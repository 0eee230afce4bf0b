// The address's fragment holds the view, so that it can be shared and gone back to.
import { effect, signal, type Signal } from "@preact/signals";
import { asText, ofText } from "./scatter/outline";
import { selectTreatments, selectWell, selectWells, clear } from "./select";
import type { Selection } from "./state";
import * as state from "./state";
import { selectInActivity } from "./views/activity";
import { selectOnMap } from "./views/map";

// A longer selection does not fit an address that mail programs keep whole.
const LONGEST = 4000;

/** Whether the selection fits into no address. */
export const isTooLarge = signal(false);

const PLAIN: Record<string, Signal<string>> = {
  upper: state.upper as Signal<string>,
  lower: state.lower as Signal<string>,
  colour: state.colourBy,
  find: state.find,
  sort: state.sortBy,
  show: state.section,
};
const DEFAULTS = Object.fromEntries(Object.entries(PLAIN).map(([key, it]) => [key, it.peek()]));

export function written(): string {
  const { about: { plates }, wells, treatments } = state.theScreen();
  const chosen = state.selection.value;
  const said = new URLSearchParams();
  for (const [key, value] of Object.entries(PLAIN)) {
    if (value.value !== DEFAULTS[key]) said.set(key, value.value);
  }
  if (state.mapNumber.value) said.set("map", String(state.mapNumber.value));
  if (chosen.treatment >= 0) said.set("treatment", treatments.name[chosen.treatment]);
  if (chosen.well >= 0) said.set("well", `${plates[wells.plate[chosen.well]].name}/${wells.name[chosen.well]}`);
  const isGroup = chosen.treatment < 0 && chosen.well < 0 && chosen.wellCount > 0;
  const group = isGroup ? places(chosen) : "";
  if (group && group.length <= LONGEST) said.set("wells", group);
  // The outline of a lasso is short, however many it holds.
  else if (group && chosen.lasso) {
    said.set("in", chosen.lasso.of);
    said.set("lasso", asText(chosen.lasso.outline));
  }
  isTooLarge.value = group.length > LONGEST && !chosen.lasso;
  return said.toString();
}

export function read(fragment: string): void {
  const { wells, treatments } = state.theScreen();
  const said = new URLSearchParams(fragment.replace(/^#/, ""));
  for (const [key, value] of Object.entries(PLAIN)) {
    const text = said.get(key) ?? DEFAULTS[key];
    const isView = key === "upper" || key === "lower";
    value.value = isView && !(text in state.VIEWS) ? DEFAULTS[key] : text;
  }
  const maps = state.theScreen().about.maps?.length ?? 0;
  const map = Number(said.get("map") ?? 0);
  state.mapNumber.value = Number.isInteger(map) && map > 0 && map < maps ? map : 0;
  const well = wellAt(said.get("well") ?? "");
  const treatment = treatments.at.get(said.get("treatment") ?? "");
  if (well >= 0 && (treatment === undefined || wells.treatment[well] === treatment)) selectWell(well);
  else if (treatment !== undefined) selectTreatments([treatment]);
  else if (said.has("lasso")) void lasso(said.get("in") ?? "", said.get("lasso")!);
  else if (said.has("wells")) selectWells(placed(said.get("wells")!));
  else clear();
}

async function lasso(of: string, text: string): Promise<void> {
  clear();
  const outline = ofText(text);
  const isFound = outline && (selectInActivity({ of, outline }) || (await selectOnMap({ of, outline }).catch(() => false)));
  if (!isFound) state.notice("The lasso of this address is not of this screen: nothing is selected.");
}

/** `PLATE/B07`; a plate's name may hold a slash. */
function wellAt(place: string): number {
  const { about, wells, ofPlate } = state.theScreen();
  const [plate, name] = [place.slice(0, place.lastIndexOf("/")), place.slice(place.lastIndexOf("/") + 1)];
  const at = about.plates.findIndex((one) => one.name === plate);
  return at < 0 ? -1 : (ofPlate[at].find((well) => wells.name[well] === name) ?? -1);
}

/** `PLATE:0-4,9;PLATE:7`: places in plates, counted along the rows from A01. */
function places(chosen: Selection): string {
  const { about, wells, ofPlate } = state.theScreen();
  const parts = about.plates.flatMap((plate, i) => {
    const at = Array.from(ofPlate[i]).filter((well) => chosen.wells[well]);
    const numbers = at.map((well) => wells.row[well] * plate.columns + wells.column[well]);
    const name = encodeURIComponent(plate.name);
    return at.length ? [`${name}:${ranges(numbers.sort((a, b) => a - b))}`] : [];
  });
  return parts.join(";");
}

function placed(text: string): number[] {
  const { about, wells, ofPlate } = state.theScreen();
  const asked = new Map(text.split(";").map((part) => {
    const [name, runs] = part.split(":");
    return [decodeURIComponent(name), new Set(expanded(runs ?? ""))];
  }));
  return about.plates.flatMap((plate, i) => {
    const numbers = asked.get(plate.name);
    if (!numbers) return [];
    const isAsked = (well: number) => numbers.has(wells.row[well] * plate.columns + wells.column[well]);
    return Array.from(ofPlate[i]).filter(isAsked);
  });
}

/** Reads the address now and whenever it changes; writes it after each change of the page. */
export function follow(): void {
  if (location.hash) read(location.hash);
  let ours = location.hash;
  let waiting = 0;
  window.addEventListener("hashchange", () => {
    if (location.hash !== ours) read(location.hash);
    ours = location.hash;
  });
  effect(() => {
    const text = written();
    clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      const address = `${location.pathname}${location.search}${text ? `#${text}` : ""}`;
      history.replaceState(null, "", address);
      ours = location.hash;
    }, 150);
  });
}

/** `3,5-9` of ascending numbers. */
export function ranges(numbers: number[]): string {
  const runs: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    let last = i;
    while (numbers[last + 1] - numbers[last] <= 1) last++;
    runs.push(last > i ? `${numbers[i]}-${numbers[last]}` : `${numbers[i]}`);
    i = last + 1;
  }
  return runs.join(",");
}

// No plate has more places; an address can say anything.
const PLACES = 10_000;

function expanded(text: string): number[] {
  const found: number[] = [];
  for (const run of text.split(",")) {
    const [first, last = first] = run.split("-").map(Number);
    if (!Number.isInteger(first) || !Number.isInteger(last) || first < 0) continue;
    for (let i = first; i <= Math.min(last, PLACES); i++) found.push(i);
  }
  return found;
}
