// Colours that people with any of the common colour deficiencies can tell apart.
import { interpolateCividis, interpolatePuOr, interpolateViridis } from "d3-scale-chromatic";
import { number } from "./format";
import { isDark } from "./theme";
import type { Values } from "./values";

/** Okabe and Ito's colours, in the report's order. */
export const CATEGORIES = [
  "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6a5acd", "#a0522d",
];
export const OTHER = "#8a94a0";
export const MISSING = "#aab3bc";

export type Rgb = [number, number, number];

export interface Colouring {
  /** Of each row, red, green, blue, one after the other. */
  rgb: Uint8Array;
  label: string;
  note: string;
  /** For numbers: the ends of the scale, and what a place between them (0 to 1) looks like. */
  scale?: { low: number; high: number; at: (place: number) => string; text: [string, string] };
  entries?: { name: string; colour: string; count: number; members: number[] }[];
}

export function rgbOf(colour: string): Rgb {
  if (colour.startsWith("#")) {
    const bits = parseInt(colour.slice(1), 16);
    return [(bits >> 16) & 255, (bits >> 8) & 255, bits & 255];
  }
  return (colour.match(/\d+/g) ?? []).slice(0, 3).map(Number) as Rgb;
}

const STEPS = 256;
function table(at: (place: number) => string): Uint8Array {
  const found = new Uint8Array(STEPS * 3);
  for (let i = 0; i < STEPS; i++) found.set(rgbOf(at(i / (STEPS - 1))), i * 3);
  return found;
}

const MANY = 8;

function ofCategories(values: Values): Colouring {
  const rows = new Map<string, number[]>();
  values.texts!.forEach((text, i) => {
    if (!text) return;
    const known = rows.get(text);
    if (known) known.push(i);
    else rows.set(text, [i]);
  });
  const order = [...rows].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1));
  const rgb = new Uint8Array(values.n * 3);
  const missing = rgbOf(MISSING);
  for (let i = 0; i < values.n; i++) rgb.set(missing, i * 3);
  const entries = order.map(([name, members], place) => {
    const colour = values.own?.[name] ?? (place < MANY ? CATEGORIES[place] : OTHER);
    const parts = rgbOf(colour);
    for (const i of members) rgb.set(parts, i * 3);
    return { name, colour, count: members.length, members };
  });
  const left = order.length - MANY;
  const without = values.n - order.reduce((sum, [, members]) => sum + members.length, 0);
  const note = [
    left > 0 && !values.own ? `${left} more share one grey` : "",
    without ? `grey: none (${without})` : "",
  ].filter(Boolean).join(". ");
  return { rgb, label: values.label, note, entries };
}

/** The ends of a scale that nobody would see on the page's ground are left out. */
function scaleFor({ signed, log }: Values): (place: number) => string {
  if (signed) return (place) => (isDark.value ? interpolatePuOr(0.16 + 0.68 * place) : darker(interpolatePuOr(0.06 + 0.88 * place)));
  const [from, span] = isDark.value ? [0.25, 0.75] : [0, 0.93];
  return (place) => (log ? interpolateCividis : interpolateViridis)(from + span * place);
}

/** White in the middle is not seen on white. */
const darker = (colour: string): string => `rgb(${rgbOf(colour).map((part) => Math.round(part * 0.86)).join(", ")})`;

function ofNumbers(values: Values): Colouring {
  const scaled = values.log
    ? values.numbers!.map((value) => -Math.log10(Math.max(value, 1e-12)))
    : values.numbers!;
  const sorted = scaled.filter((value) => Number.isFinite(value)).sort();
  const [least, most] = [sorted[0] ?? 0, sorted[sorted.length - 1] ?? 1];
  const share = (part: number) => sorted[Math.round(part * (sorted.length - 1))];
  let low = share(0.01) ?? 0;
  let high = share(0.99) ?? 1;
    if (values.signed) {
    high = Math.max(Math.abs(low), Math.abs(high)) || 1;
    low = -high;
  }
  if (low === high) [low, high] = least < most ? [least, most] : [low, low + 1];
  const at = scaleFor(values);
  const colours = table(at);
  const rgb = new Uint8Array(values.n * 3);
  const missing = rgbOf(MISSING);
  let clipped = 0;
  for (let i = 0; i < values.n; i++) {
    const value = scaled[i];
    if (!Number.isFinite(value)) {
      rgb.set(missing, i * 3);
      continue;
    }
    if (value < low || value > high) clipped++;
    const place = Math.min(1, Math.max(0, (value - low) / (high - low)));
    const step = Math.round(place * (STEPS - 1)) * 3;
    rgb.set(colours.subarray(step, step + 3), i * 3);
  }
  const back = (value: number) => number(values.log ? 10 ** -value : value);
  const note = clipped ? `${clipped} beyond the ends are shown as the ends` : "";
  const text: [string, string] = [back(low), back(high)];
  return { rgb, label: values.label, note, scale: { low, high, at, text } };
}

export const colouring = (values: Values): Colouring =>
  values.texts ? ofCategories(values) : ofNumbers(values);
