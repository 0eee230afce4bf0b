// The search box's words: text to be found, `q<0.05`, `mechanism:kinase`, `is:active`.
import { markOf } from "./marks";
import { selection, theScreen } from "./state";

export interface Term {
  /** As it was written. */
  text: string;
  fits: (treatment: number) => boolean;
  /** Why the term is not understood; it then fits nothing. */
  trouble?: string;
}

const COMPARED = /^([^<>=:"]+)(<=|>=|<|>|=)(-?[\d.]+(?:e-?\d+)?)$/i;

const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]+/g, "");

/** The column meant by a short name: the lead's `q` before another's. */
export function columnNamed(name: string): string | undefined {
  const { about, treatments } = theScreen();
  const { names } = treatments.frame;
  const wanted = plain(name);
  const label = (column: string) => about.treatment_columns.find((one) => one.name === column)?.label ?? "";
  const lead = names.filter((column) => column.startsWith(`${about.lead}/`));
  return (
    lead.find((column) => plain(column.slice(about.lead.length)) === wanted) ??
    names.find((column) => plain(column) === wanted) ??
    lead.find((column) => plain(label(column)) === wanted) ??
    names.find((column) => plain(label(column)) === wanted)
  );
}

function compared(text: string, [, name, sign, value]: string[]): Term {
  const column = columnNamed(name);
  if (!column) return { text, fits: () => false, trouble: `no column "${name}"` };
  const numbers = theScreen().treatments.frame.number(column);
  const limit = Number(value);
  const ways: Record<string, (x: number) => boolean> = {
    "<": (x) => x < limit,
    "<=": (x) => x <= limit,
    ">": (x) => x > limit,
    ">=": (x) => x >= limit,
    "=": (x) => x === limit,
  };
  return { text, fits: (i) => ways[sign](numbers[i]) };
}

function state(text: string, word: string): Term {
  const { about, treatments } = theScreen();
  if (word === "selected") return { text, fits: (i) => selection.value.treatments[i] === 1 };
  if (word === "marked") return { text, fits: (i) => markOf("treatment", i) !== undefined };
  if (word === "control") return { text, fits: (i) => treatments.control[i] === 1 };
  const column = columnNamed(word) ?? `${about.lead}/${word}`;
  if (!treatments.frame.has(column)) return { text, fits: () => false, trouble: `nothing is "${word}"` };
  const numbers = treatments.frame.number(column);
  return { text, fits: (i) => numbers[i] === 1 };
}

export function terms(query: string): Term[] {
  const { treatments } = theScreen();
  const { frame } = treatments;
  const parts = query.match(/[^\s"]*"[^"]*"|\S+/g) ?? [];
  const searched = frame.names.filter((name) => !frame.isNumber(name)).map((name) => frame.text(name));
  return parts.map((text): Term => {
    const match = text.match(COMPARED);
    if (match) return compared(text, match);
    const colon = text.indexOf(":");
    const bare = (word: string) => word.replaceAll('"', "").toLowerCase();
    if (colon > 0) {
      const [name, word] = [text.slice(0, colon), bare(text.slice(colon + 1))];
      if (name === "is") return state(text, word);
      const column = columnNamed(name);
      if (column) {
        const values = frame.text(column);
        return { text, fits: (i) => values[i].toLowerCase().includes(word) };
      }
    }
    const word = bare(text);
    return { text, fits: (i) => searched.some((values) => values[i].toLowerCase().includes(word)) };
  });
}

