// How stains are shown: on or off, in which colour, between which values; the same in all pictures.
import { signal } from "@preact/signals";
import type { Contrast } from "../data/treatment";
import { rgbOf, type Rgb } from "../colours";
import { theScreen } from "../state";

// By what stains are usually called; a colour for each of the five of Cell Painting.
const USUAL: [RegExp, string][] = [
  [/dna|hoechst|dapi|nucle(us|i)$/i, "#3f6fff"],
  [/rna|syto/i, "#ffd400"],
  [/(^|_)er($|_)|con ?a|concanavalin|endoplasmic/i, "#00d47e"],
  [/agp|actin|golgi|phalloidin|wga/i, "#ff7a1a"],
  [/mito/i, "#ff2fa0"],
  [/bright|phase|trans/i, "#8c8c8c"],
];
const OTHERS = ["#00c8ff", "#ff4f4f", "#b9ff3a", "#c58cff", "#ffffff"];

export interface Stain {
  name: string;
  on: boolean;
  colour: string;
  /** Factors on the plate's own contrast: 1 and 1 is what the controls give. */
  low: number;
  high: number;
}

const MOST_ON = 5;

function usual(): Stain[] {
  const taken = new Set<string>();
  return theScreen().about.stains.map((name, i) => {
    const known = USUAL.find(([pattern, colour]) => pattern.test(name) && !taken.has(colour));
    const colour = known?.[1] ?? OTHERS[i % OTHERS.length];
    taken.add(colour);
    return { name, on: i < MOST_ON && !/bright|phase|trans/i.test(name), colour, low: 0, high: 1 };
  });
}

export const stains = signal<Stain[]>([]);
export const masksOn = signal("");

export function resetStains(): void {
  stains.value = usual();
}

export function setStain(at: number, change: Partial<Stain>): void {
  stains.value = stains.value.map((stain, i) => (i === at ? { ...stain, ...change } : stain));
}

export interface Channel {
  at: number;
  rgb: Rgb;
  low: number;
  span: number;
}

/** The channels to draw on one plate: `low` 0 and `high` 1 are the plate's contrast. */
export function channels(shown: Stain[], contrast: Contrast | null): Channel[] {
  return shown.flatMap((stain, at) => {
    if (!stain.on) return [];
    const [low, high] = contrast?.[at] ?? [0, 65535];
    const width = high - low || 1;
    const [from, to] = [low + stain.low * width, low + stain.high * width];
    return [{ at, rgb: rgbOf(stain.colour), low: from, span: Math.max(1e-6, to - from) }];
  });
}

/** Many bright colours together are turned down, or all would be white. */
function brightness(shown: Channel[]): number {
  const totals = [0, 1, 2].map((part) => shown.reduce((sum, { rgb }) => sum + rgb[part] / 255, 0));
  return Math.min(1, 1.5 / Math.max(...totals, 1e-9));
}

/** Adds channels up into red, green, blue. `planes` are of the channels, in their order. */
export function compose(planes: ArrayLike<number>[], shown: Channel[], n: number): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(4 * n);
  const sums = new Float32Array(3 * n);
  const share = brightness(shown);
  shown.forEach(({ rgb, low, span }, k) => {
    const plane = planes[k];
    const [r, g, b] = rgb.map((part) => part * share);
    for (let i = 0; i < n; i++) {
      const value = (plane[i] - low) / span;
      if (value <= 0) continue;
      const v = value > 1 ? 1 : value;
      sums[3 * i] += r * v;
      sums[3 * i + 1] += g * v;
      sums[3 * i + 2] += b * v;
    }
  });
  for (let i = 0; i < n; i++) {
    out[4 * i] = sums[3 * i];
    out[4 * i + 1] = sums[3 * i + 1];
    out[4 * i + 2] = sums[3 * i + 2];
    out[4 * i + 3] = 255;
  }
  return out;
}
