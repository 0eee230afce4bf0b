// The cell looked at: ringed in its field.
import { signal } from "@preact/signals";
import type { Cell } from "../data/treatment";
import { selectWell } from "../select";
import { section } from "../state";

export const lookedCell = signal<Cell | null>(null);

export function lookAt(cell: Cell): void {
  lookedCell.value = cell;
  section.value = "images";
  selectWell(cell.well);
}
