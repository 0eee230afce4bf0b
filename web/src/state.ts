// What the whole page shares: the screen, the selection, how things are coloured, which views.
import { computed, signal } from "@preact/signals";
import type { Screen } from "./data/screen";

export const screen = signal<Screen | null>(null);
export const theScreen = (): Screen => screen.value!;

export interface Selection {
  /** 1 for each selected well, of all wells. */
  wells: Uint8Array;
  treatments: Uint8Array;
  wellCount: number;
  treatmentCount: number;
  /** The treatment and the well looked at, -1 for none. */
  treatment: number;
  well: number;
  /** How a group was drawn around, where it was. */
  lasso: Lasso | null;
}

export type Place = [number, number];

export interface Lasso {
  /** The plot that it was drawn in. */
  of: string;
  /** In the plot's own units. */
  outline: Place[];
}

export const none = (): Selection => ({
  wells: new Uint8Array(screen.peek()?.wells.n ?? 0),
  treatments: new Uint8Array(screen.peek()?.treatments.n ?? 0),
  wellCount: 0,
  treatmentCount: 0,
  treatment: -1,
  well: -1,
  lasso: null,
});

export const selection = signal<Selection>(none());

export type ViewName =
  | "map" | "plates" | "activity" | "doses" | "similarity" | "features";
export const VIEWS: Record<ViewName, string> = {
  map: "Map",
  plates: "Plates",
  activity: "Activity",
  doses: "Doses",
  similarity: "Similarity",
  features: "Features",
};

export const upper = signal<ViewName>("map");
export const lower = signal<ViewName>("plates");
export const mapNumber = signal(0);
/** Which column colours the points and the plates: `well:NAME`, `treatment:NAME`, `feature:N`. */
export const colourBy = signal("");
export const find = signal("");
export const sortBy = signal("");
export const shownColumns = signal<string[] | null>(null);
export const section = signal("images");
export const phonePart = signal<"table" | "views" | "selection">("table");
export const helpOpen = signal(false);
/** Whether the pictures fill the window. */
export const enlarged = signal(false);
/** Read out by screen readers. */
export const said = signal("");
/** Shown for a moment, and read out. */
export const noticed = signal("");
let fading = 0;
export function notice(text: string): void {
  said.value = text;
  noticed.value = text;
  clearTimeout(fading);
  fading = window.setTimeout(() => (noticed.value = ""), 5000);
}

export const anySelected = computed(
  () => selection.value.wellCount + selection.value.treatmentCount > 0,
);
