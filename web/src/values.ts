// What wells and treatments can be coloured by, and the values of the one chosen.
import { computed, signal } from "@preact/signals";
import { json, Missing, remembered } from "./data/files";
import { frame } from "./data/frame";
import type { Column } from "./data/screen";
import { CATEGORIES, colouring, type Colouring } from "./colours";
import { spelled } from "./format";
import { colourBy, screen, theScreen } from "./state";
import { markOf, marks, MARK_COLOURS } from "./marks";

export interface Values {
  n: number;
  label: string;
  numbers?: Float64Array;
  texts?: string[];
  /** Small values matter (q, p): the scale is that of -log10. */
  log?: boolean;
  /** Around zero: two colours meet there. */
  signed?: boolean;
  /** Colours that categories have of their own. */
  own?: Record<string, string>;
}

export interface Choice {
  key: string;
  label: string;
  group: string;
}

const HIDDEN = new Set(["id", "plate", "well", "row", "column", "treatment", "name"]);
const SMALL = /(^|[/_ ])(q|p|p_adjusted)$/i;

export function columnOf(of: "well" | "treatment", name: string): Column {
  const { about } = theScreen();
  const columns = of === "well" ? about.well_columns : about.treatment_columns;
  const kind = name === "control" ? "category" : "text";
  return columns.find((column) => column.name === name) ?? { name, label: spelled(name), kind };
}

export const columnLabel = (column: Column): string =>
  column.unit ? `${column.label} (${column.unit})` : column.label;

/** Without the representation, where that is said beside it. */
export function shortLabel(column: Column): string {
  const of = theScreen().about.representations.find((r) => r.name === column.representation);
  const label = columnLabel(column);
  return of && label.endsWith(`, ${of.label}`) ? label.slice(0, -of.label.length - 2) : label;
}

export interface Feature {
  id: number;
  name: string;
  representation: string;
  compartment?: string;
  family?: string;
  stain?: string;
  property?: string;
}

export const features = signal<Feature[] | null>(null);
export const featureTrouble = signal("");
let asked = false;

export function wantFeatures(): void {
  if (asked || !theScreen().about.features) return;
  asked = true;
  const failed = (error: Error) => {
    featureTrouble.value = `The features could not be read: ${error.message}`;
  };
  json<Feature[]>("data/features.json").then((found) => (features.value = found), failed);
}

/** Everything on offer but the features, which are searched. */
export const choices = computed<Choice[]>(() => {
  if (!screen.value) return [];
  const { about, wells, treatments } = screen.value;
  const labelOf = (name?: string) => about.representations.find((r) => r.name === name)?.label ?? name;
  const ofTreatments = treatments.frame.names
    .filter((name) => !HIDDEN.has(name) && !treatments.frame.saysNothing(name))
    .map((name) => {
      const column = columnOf("treatment", name);
      const of = column.representation ?? "";
      const group = of ? `Treatment, ${labelOf(of)}` : "Treatment";
      return { key: `treatment:${name}`, label: columnLabel(column), group };
    });
  const isLead = (choice: Choice) => choice.group === `Treatment, ${labelOf(about.lead)}`;
  const ofWells = wells.frame.names
    .filter((name) => !HIDDEN.has(name) && !wells.frame.saysNothing(name))
    .map((name) => ({ key: `well:${name}`, label: columnLabel(columnOf("well", name)), group: "Well" }));
  return [
    ...ofTreatments.filter(isLead),
    ...ofTreatments.filter((choice) => choice.group === "Treatment"),
    ...ofWells,
    { key: "plate:", label: "Plate", group: "Well" },
    { key: "mark:", label: "Marks", group: "Well" },
    ...ofTreatments.filter((choice) => !isLead(choice) && choice.group !== "Treatment"),
  ];
});

const feature = remembered(async (n) => (await frame(`data/features/${n}.arrow`)).number("value"), 30);
const arrived = signal<Record<string, Float64Array | Missing>>({});

function ofFeature(n: string): Float64Array | Missing | null {
  const known = arrived.value[n];
  if (known) return known;
  const put = (value: Float64Array | Missing) => {
    arrived.value = { ...arrived.peek(), [n]: value };
  };
  feature(n).then(put, (error) => put(error instanceof Missing ? error : new Missing(n, String(error))));
  return null;
}

/** Whether values lie on both sides of zero (an effect whose noise falls below zero does not). */
function isSigned(numbers: Float64Array): boolean {
  const sorted = numbers.filter(Number.isFinite).sort();
  const share = (part: number) => sorted[Math.round(part * (sorted.length - 1))] ?? 0;
  return -share(0.01) > 0.3 * share(0.99);
}

const YES_NO = { yes: CATEGORIES[1], no: "#9db4c6" };

function fromFrame(of: "well" | "treatment", name: string): Values | null {
  const { wells, treatments } = theScreen();
  const table = of === "well" ? wells.frame : treatments.frame;
  if (!table.has(name)) return null;
  const column = columnOf(of, name);
  const label = columnLabel(column);
  if (!table.isNumber(name)) return { n: table.n, label, texts: table.text(name) };
  const numbers = table.number(name);
  if (column.kind === "category" || /(^|\/)(active|tested|control)$/.test(name)) {
    if (!numbers.every((value) => value === 0 || value === 1)) {
      return { n: table.n, label, texts: Array.from(numbers, (v) => (v > 0 ? String(v) : "")) };
    }
    return { n: table.n, label, texts: Array.from(numbers, (v) => (v ? "yes" : "no")), own: YES_NO };
  }
  return { n: table.n, label, numbers, log: SMALL.test(name), signed: isSigned(numbers) };
}

function spread(values: Values): Values {
  const { wells } = theScreen();
  const at = wells.treatment;
  if (values.texts) {
    const texts = Array.from(at, (t) => (t >= 0 ? values.texts![t] : ""));
    return { ...values, n: wells.n, texts };
  }
  const numbers = Float64Array.from(at, (t) => (t >= 0 ? values.numbers![t] : NaN));
  return { ...values, n: wells.n, numbers };
}

/** Values of all wells; null while they are fetched. */
function valuesOfWells(key: string): Values | Missing | null {
  const { about, wells } = theScreen();
  const [of, name] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)];
  if (of === "mark") {
    marks.value;
    const texts = Array.from({ length: wells.n }, (_, i) => markOf("well", i)?.mark ?? "");
    return { n: wells.n, label: "Marks", texts, own: MARK_COLOURS };
  }
  if (of === "plate") {
    const texts = Array.from(wells.plate, (i) => about.plates[i]?.name ?? "");
    return { n: wells.n, label: "Plate", texts };
  }
  if (of === "feature") {
    const found = ofFeature(name);
    if (!found || found instanceof Missing) return found;
    wantFeatures();
    const label = features.value?.find((one) => one.id === Number(name))?.name ?? `feature ${name}`;
    return { n: wells.n, label, numbers: found, signed: true };
  }
  const found = fromFrame(of === "well" ? "well" : "treatment", name);
  if (!found) return new Missing(key, "this screen has no such column");
  return of === "well" ? found : spread(found);
}

/** Values of all treatments: a well's value is the mean of the treatment's wells, or the commonest. */
function valuesOfTreatments(key: string): Values | Missing | null {
  const { treatments } = theScreen();
  if (key.startsWith("treatment:")) {
    return fromFrame("treatment", key.slice(10)) ?? new Missing(key, "this screen has no such column");
  }
  if (key === "mark:") {
    marks.value;
    const texts = Array.from({ length: treatments.n }, (_, i) => markOf("treatment", i)?.mark ?? "");
    return { n: treatments.n, label: "Marks", texts, own: MARK_COLOURS };
  }
  const found = valuesOfWells(key);
  if (!found || found instanceof Missing) return found;
  if (found.texts) {
    const texts = treatments.wells.map((wells) => {
      const kinds = new Set(Array.from(wells, (well) => found.texts![well]));
      return kinds.size === 1 ? [...kinds][0] : kinds.size ? "several" : "";
    });
    return { ...found, n: treatments.n, texts };
  }
  const numbers = Float64Array.from(treatments.wells, (wells) => {
    let [sum, n] = [0, 0];
    for (const well of wells) {
      const value = found.numbers![well];
      if (Number.isFinite(value)) [sum, n] = [sum + value, n + 1];
    }
    return n ? sum / n : NaN;
  });
  return { ...found, n: treatments.n, label: `${found.label}, mean of wells`, numbers };
}

/** What is coloured by where nothing was chosen. */
export const usual = computed(() => {
  const keys = choices.value.map((choice) => choice.key);
  const lead = screen.value?.about.lead;
  const wanted = [`treatment:${lead}/effect`, `treatment:${lead}/q`, "treatment:mechanism", "well:role", "treatment:target"];
  return wanted.find((key) => keys.includes(key)) ?? keys[0] ?? "plate:";
});
export const key = computed(() => colourBy.value || usual.value);

export const wellValues = computed(() => (screen.value ? valuesOfWells(key.value) : null));
export const treatmentValues = computed(() => (screen.value ? valuesOfTreatments(key.value) : null));
const coloured = (values: Values | Missing | null): Colouring | Missing | null =>
  !values || values instanceof Missing ? values : colouring(values);
export const wellColours = computed(() => coloured(wellValues.value));
export const treatmentColours = computed(() => coloured(treatmentValues.value));
