// Tiles of fields: fetched when they come into sight, kept while there is room.
import { bytes, remembered } from "../data/files";
import type { Field } from "../data/treatment";

export const SIDE = 256;
// Of about 128 kB each.
const KEPT = 600;

const planes = remembered(async (path) => new Uint16Array(await bytes(path)), KEPT);
const outlines = remembered(async (path) => new Uint8Array(await bytes(path)), KEPT);

export interface TileAt {
  level: number;
  row: number;
  column: number;
}

export const plane = (field: Field, stain: number, { level, row, column }: TileAt) =>
  planes(`images/f${field.id}/${stain}/${level}/${row}-${column}.bin`);
export const outline = (field: Field, object: number, { level, row, column }: TileAt) =>
  outlines(`images/f${field.id}/masks-${object}/${level}/${row}-${column}.bin`);

export const sizeAt = (size: number, level: number): number => Math.ceil(size / 2 ** level);

export function tileSize(field: Field, { level, row, column }: TileAt): [number, number] {
  const [width, height] = [sizeAt(field.width, level), sizeAt(field.height, level)];
  return [Math.min(SIDE, width - column * SIDE), Math.min(SIDE, height - row * SIDE)];
}

/** The coarsest level that still has a pixel for each pixel of the screen. */
export function levelFor(field: Field, scale: number): number {
  return Math.min(field.levels - 1, Math.max(0, Math.floor(Math.log2(1 / scale))));
}
