// What is known of one treatment, of one well and of one plate, asked for when looked at.
import { json, Missing, remembered, text } from "./files";

export interface Group {
  compartment?: string;
  family?: string;
  stain?: string;
  property?: string;
  change?: number | null;
  effect?: number | null;
  low?: number | null;
  high?: number | null;
  p_adjusted?: number | null;
  called?: boolean;
  direction?: string;
  words?: string;
}

export interface Neighbour {
  id: number;
  cosine: number;
  q: number | null;
  active?: boolean;
  same_mechanism?: boolean | null;
}

export interface Cell {
  well: number;
  field: number;
  object: number;
  x: number;
  y: number;
}

export interface CellList {
  kind: string;
  label: string;
  path: string;
  cells: Cell[];
}

export interface AttributionImage {
  role: "treated" | "control";
  plate: string;
  well: string;
  site: string;
  target?: string;
  correct?: boolean;
}

export interface Tested {
  map: number | null;
  low: number | null;
  high: number | null;
  effect: number | null;
  p: number | null;
  q: number | null;
  active: boolean;
  n: number;
  note?: string;
}

export interface AboutTreatment {
  id: number;
  name: string;
  wells: number[];
  words: string[];
  in: Record<string, Tested>;
  neighbours: Record<string, Neighbour[]>;
  groups: Group[];
  groups_note?: string;
  features?: { name: string; effect: number }[];
  cells: null | { size: number; pixel_size_um: number | null; lists: CellList[]; note?: string };
  attribution: null | {
    path: string;
    n: number;
    size: number;
    stains: string[];
    images: AttributionImage[];
    note?: string;
    compartments?: {
      compartment: string;
      stain: string;
      enrichment: number;
      low: number | null;
      high: number | null;
      p_adjusted: number | null;
    }[];
  };
}

export interface Field {
  id: number;
  well?: number;
  site: string;
  height: number;
  width: number;
  levels: number;
  objects: string[];
  n_cells?: number | null;
  quality?: Record<string, number>;
}

export interface AboutWell {
  fields: Field[];
  /** Fields of control wells of the same plate, the most typical first. */
  controls: Field[];
  /** Of a screen of crops: what there is of the well. */
  crops?: { path: string; size: number; cells: Cell[] } | null;
  gone: string;
}

/** Low and high of each stain, from the plate's own controls. */
export type Contrast = [number, number][];

const treatments = remembered((id) => json<AboutTreatment>(`data/treatment/t${id}.json`), 500);
export const treatment = (id: number) => treatments(String(id));
const wells = remembered(async (id) => {
  const found = await json<AboutWell>(`data/well/w${id}.json`);
  // A control of which only the id is said has the size of the plate's other fields.
  const record = (one: Field | number) =>
    typeof one === "number" ? { ...found.fields[0], id: one, site: "", n_cells: null } : one;
  return { ...found, controls: (found.controls as (Field | number)[]).map(record) };
}, 500);
export const well = (id: number) => wells(String(id));
const panels = remembered((id) => text(`data/panel/t${id}.html`), 100);
export const panel = (id: number) => panels(String(id));

const contrasts = remembered((id) => json<Contrast>(`data/contrast/p${id}.json`));
/** Null where the plate has no pictures to take it from. */
export const contrast = (plate: number): Promise<Contrast | null> =>
  contrasts(String(plate)).catch((error) => {
    if (error instanceof Missing) return null;
    throw error;
  });
