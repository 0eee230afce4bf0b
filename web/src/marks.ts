// Marks: a person's word on a well or a treatment, kept beside the study (or, in a static page, here).
import { signal } from "@preact/signals";
import { json, send } from "./data/files";
import { saveCsv, saveText } from "./download";
import { notice, theScreen } from "./state";

export type Word = "hit" | "artefact" | "look again";
export const WORDS: Word[] = ["hit", "artefact", "look again"];
export const MARK_COLOURS: Record<Word, string> = {
  hit: "#009E73",
  artefact: "#D55E00",
  "look again": "#E69F00",
};

/** What marks the treatment looked at, or the selected group; with Shift, the well looked at alone. */
export const KEYS: Record<Word, string> = { hit: "h", artefact: "a", "look again": "r" };

/** A well is named by plate and well, a treatment by its name: what outlasts a new run. */
export interface Mark {
  kind: "well" | "treatment";
  plate?: string;
  well?: string;
  treatment?: string;
  mark: Word;
  note?: string;
  when?: string;
  by?: string;
}

export type Thing = { kind: "well" | "treatment"; index: number };

/** By what they are on. */
export const marks = signal<Map<string, Mark>>(new Map());
export const markTrouble = signal("");

const onWell = (plate: string, well: string) => `well ${plate}\n${well}`;
const onTreatment = (name: string) => `treatment ${name}`;
const on = (mark: Omit<Mark, "mark">) =>
  mark.kind === "well" ? onWell(mark.plate ?? "", mark.well ?? "") : onTreatment(mark.treatment ?? "");
const byThing = (found: Mark[]) => new Map(found.map((mark) => [on(mark), mark]));

const isServed = () => theScreen().about.mode === "served";
const keptHere = () => `phenolens marks ${theScreen().about.title} ${location.pathname}`;

export async function readMarks(): Promise<void> {
  try {
    const own = isServed() ? null : localStorage.getItem(keptHere());
    const found = own
      ? (JSON.parse(own) as Mark[])
      : await json<{ marks: Mark[] } | Mark[]>("data/marks.json");
    marks.value = byThing(Array.isArray(found) ? found : found.marks);
  } catch (error) {
    markTrouble.value = `Marks could not be read: ${(error as Error).message}`;
  }
}

function named({ kind, index }: Thing): Omit<Mark, "mark"> {
  const { wells, treatments, about } = theScreen();
  if (kind === "treatment") return { kind, treatment: treatments.name[index] };
  return { kind, plate: about.plates[wells.plate[index]].name, well: wells.name[index] };
}

/** What marks were before each step, the last at the end. */
const before: { mark: Omit<Mark, "mark">; was: Mark | undefined }[][] = [];
const REMEMBERED = 100;

/** Marks things, or takes their marks away where `mark` is null; a later undo puts back what was. */
export async function setMarks(things: Thing[], mark: Word | null, note?: string): Promise<void> {
  const known = things.map((thing) => ({ mark: named(thing), was: marks.peek().get(on(named(thing))) }));
  before.push(known);
  before.splice(0, before.length - REMEMBERED);
  for (const one of known) await put(one.mark, mark, note ?? one.was?.note ?? "");
  if (markTrouble.peek()) return;
  const what = things.length === 1 ? nameOf(known[0].mark) : `${things.length} ${things[0].kind}s`;
  notice(mark ? `${what} marked: ${mark}. z takes it back.` : `${what}: mark taken away. z brings it back.`);
}

/** Puts the marks back as they were before the last step. */
export async function undoMarks(): Promise<void> {
  const last = before.pop();
  if (!last) return notice("No mark to take back.");
  for (const { mark, was } of last) await put(mark, was?.mark ?? null, was?.note ?? "");
  const [{ mark, was }] = last;
  const one = `${nameOf(mark)}: ${was ? was.mark : "no mark"}, as before.`;
  if (!markTrouble.peek()) notice(last.length === 1 ? one : `${last.length} marks as before.`);
}

const nameOf = (mark: Omit<Mark, "mark">) => (mark.kind === "well" ? `${mark.plate} ${mark.well}` : (mark.treatment ?? ""));

async function put(name: Omit<Mark, "mark">, mark: Word | null, note: string): Promise<void> {
  try {
    if (isServed()) {
      const answer = mark === null
        ? await send<{ marks: Mark[] }>("DELETE", "api/marks", name)
        : await send<{ marks: Mark[] }>("PUT", "api/marks", { ...name, mark, note });
      marks.value = byThing(answer.marks);
    } else {
      const now = new Map(marks.peek());
      const when = `${new Date().toISOString().slice(0, 19)}Z`;
      if (mark === null) now.delete(on(name));
      else now.set(on(name), { ...name, mark, note, when });
      marks.value = now;
      localStorage.setItem(keptHere(), JSON.stringify([...now.values()]));
    }
    markTrouble.value = "";
  } catch (error) {
    markTrouble.value = `The mark was not saved: ${(error as Error).message}`;
  }
}

/** The mark on a well (or on its treatment), or on a treatment. */
export function markOf(kind: "well" | "treatment", index: number): Mark | undefined {
  if (!marks.value.size) return undefined;
  const { wells, treatments, about } = theScreen();
  if (kind === "treatment") return marks.value.get(onTreatment(treatments.name[index]));
  const own = marks.value.get(onWell(about.plates[wells.plate[index]]?.name, wells.name[index]));
  const treatment = wells.treatment[index];
  return own ?? (treatment >= 0 ? marks.value.get(onTreatment(treatments.name[treatment])) : undefined);
}

/** The mark on this very thing. */
export const ownMark = (thing: Thing): Mark | undefined => marks.value.get(on(named(thing)));

const COLUMNS = ["kind", "plate", "well", "treatment", "mark", "note", "when", "by"] as const;

export function saveMarks(form: "csv" | "json"): void {
  const rows = [...marks.value.values()];
  if (form === "json") return saveText("marks.json", JSON.stringify(rows, null, 2), "application/json");
  saveCsv("marks.csv", [...COLUMNS], rows.map((mark) => COLUMNS.map((column) => mark[column] ?? "")));
}
