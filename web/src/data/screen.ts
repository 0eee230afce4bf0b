// The screen: what `data/screen.json`, `data/wells.arrow` and `data/treatments.arrow` say.
import { frame, type Frame } from "./frame";
import { json } from "./files";

export interface Plate {
  name: string;
  batch?: string;
  rows: number;
  columns: number;
  n_wells: number;
  n_controls: number;
}

export interface Column {
  name: string;
  label: string;
  kind: "number" | "category" | "text";
  unit?: string;
  meaning?: string;
  better?: "higher" | "lower" | "";
  representation?: string;
}

export interface PointMap {
  of: "wells" | "treatments" | "cells";
  representation: string;
  method: string;
  label: string;
  n: number;
  note?: string;
  axes?: string[];
  tiles: null | { levels: number; extent?: [number, number, number, number] };
}

export interface Finding {
  severity: "error" | "warning" | "info" | "ok";
  where?: string;
  what: string;
  consequence?: string;
  remedy?: string;
}

export interface Answer {
  key: string;
  state: string;
  question: string;
  short: string;
  sentences: string[];
}

export interface About {
  /** Cells, as field and object, of which the nearest are known. */
  nearest: "all" | [number, number][];
  mode: "served" | "static";
  version: string;
  title: string;
  kind: "study" | "profiles";
  folder: string;
  stamp: string;
  status: {
    finished: boolean;
    writing: boolean;
    words: string;
    missing: { what: string; why: string }[];
  };
  plates: Plate[];
  stains: string[];
  pixel_size_um: number | null;
  images: { there: boolean; level: string; words: string; wells: "all" | number[] };
  representations: { name: string; label: string; colour: string; doubts?: string }[];
  lead: string;
  alpha: number;
  maps: PointMap[];
  similarity: number[];
  features: number;
  dose: boolean;
  well_columns: Column[];
  treatment_columns: Column[];
  answers: Answer[];
  findings: Finding[];
  counts: Record<string, number>;
}

export interface Wells {
  n: number;
  frame: Frame;
  /** Position in `about.plates`. */
  plate: Int32Array;
  name: string[];
  row: Int32Array;
  column: Int32Array;
  /** Position in the treatments, -1 for none. */
  treatment: Int32Array;
  role: string[];
  control: Uint8Array;
}

export interface Treatments {
  n: number;
  frame: Frame;
  name: string[];
  at: Map<string, number>;
  control: Uint8Array;
  wells: Int32Array[];
}

export interface Screen {
  about: About;
  wells: Wells;
  treatments: Treatments;
  /** Wells of each plate. */
  ofPlate: Int32Array[];
}

/** The screen as it is now; asking for it makes the server look for what has changed. */
export const readAbout = () => json<About>("data/screen.json");

export async function readScreen(): Promise<Screen> {
  const about = await readAbout();
  const [wellFrame, treatmentFrame] = await Promise.all([
    frame("data/wells.arrow"),
    frame("data/treatments.arrow"),
  ]);
  const wells: Wells = {
    n: wellFrame.n,
    frame: wellFrame,
    plate: Int32Array.from(wellFrame.number("plate")),
    name: wellFrame.text("well"),
    row: Int32Array.from(wellFrame.number("row")),
    column: Int32Array.from(wellFrame.number("column")),
    treatment: Int32Array.from(wellFrame.number("treatment")),
    role: wellFrame.text("role"),
    control: Uint8Array.from(wellFrame.number("control")),
  };
  const name = treatmentFrame.text("name");
  const treatments: Treatments = {
    n: treatmentFrame.n,
    frame: treatmentFrame,
    name,
    at: new Map(name.map((one, i) => [one, i])),
    control: Uint8Array.from(treatmentFrame.number("control")),
    wells: grouped(wells.treatment, treatmentFrame.n),
  };
  return { about, wells, treatments, ofPlate: grouped(wells.plate, about.plates.length) };
}

/** Members of each group; a code below zero belongs to none. */
export function grouped(codes: Int32Array, groups: number): Int32Array[] {
  const size = new Int32Array(groups);
  for (const code of codes) if (code >= 0) size[code]++;
  const members = Array.from(size, (n) => new Int32Array(n));
  size.fill(0);
  codes.forEach((code, i) => {
    if (code >= 0) members[code][size[code]++] = i;
  });
  return members;
}
