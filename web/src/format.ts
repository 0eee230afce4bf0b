// Numbers and names as people read them.
import { format } from "d3-format";

const short = format(".3~g");
const tiny = format(".1e");
const whole = format(",d");

export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return whole(value);
  if (value !== 0 && Math.abs(value) < 1e-3) return tiny(value);
  return Math.abs(value) >= 1000 ? whole(Math.round(value)) : short(value);
}

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${whole(n)} ${n === 1 ? one : many}`;

/** `cell_loss` as "Cell loss". */
export function spelled(name: string): string {
  const words = name.replace(/^Metadata_/, "").replace(/[_]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** As in a plate's margin: A … Z, AA, AB … AF. */
export function rowLetters(row: number): string {
  const letter = String.fromCharCode(65 + (row % 26));
  return row < 26 ? letter : rowLetters(Math.floor(row / 26) - 1) + letter;
}

// As in file names: "plate 7" before "plate 10".
export const natural = new Intl.Collator("en", { numeric: true }).compare;
