// Maps: wells, treatments or cells as points, near where their profiles are alike.
import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { frame } from "../data/frame";
import { Missing, remembered } from "../data/files";
import type { PointMap } from "../data/screen";
import { saveCsv } from "../download";
import { number } from "../format";
import { Boxes } from "../scatter/nearest";
import { Scatter } from "../scatter/scatter";
import type { Points } from "../scatter/points";
import { clear, selectTreatments, selectWell, selectWells } from "../select";
import { anySelected, mapNumber, selection, theScreen, type Lasso } from "../state";
import { treatmentColours, treatmentValues, wellColours, wellValues } from "../values";
import { Legend, withLegend } from "./legend";
import { ColourChoice } from "./colour_choice";
import { CellTiles } from "./cell_tiles";

interface Place {
  n: number;
  x: Float32Array;
  y: Float32Array;
  well: Int32Array | null;
  axes: string[];
}

const places = remembered(async (n): Promise<Place> => {
  const table = await frame(`data/maps/${n}.arrow`);
  return {
    n: table.n,
    x: Float32Array.from(table.number("x")),
    y: Float32Array.from(table.number("y")),
    well: table.has("well") ? Int32Array.from(table.number("well")) : null,
    axes: table.said("axes").split("|"),
  };
});
const arrived = signal<Record<number, Place | Missing>>({});

export function wantMap(n: number): void {
  if (arrived.peek()[n]) return;
  const put = (value: Place | Missing) => (arrived.value = { ...arrived.peek(), [n]: value });
  places(String(n)).then(put, (error) => put(new Missing(`map ${n}`, error.why ?? error.message)));
}

/** What lasts of a map when others come and go: of one representation there may be several. */
const nameOf = (map: PointMap) => map.label;

function lassoed(map: PointMap, place: Place, found: number[], outline: Lasso["outline"]): void {
  const lasso = { of: nameOf(map), outline };
  if (map.of === "treatments") return selectTreatments(found, { lasso });
  const wells = new Set(found.map((i) => place.well?.[i] ?? i));
  selectWells([...wells].filter((well) => well >= 0), { lasso });
}

/** Selects again what a lasso held; false where it is of no map of this screen. */
export async function selectOnMap({ of, outline }: Lasso): Promise<boolean> {
  const { maps } = theScreen().about;
  const n = maps.findIndex((map) => !map.tiles && nameOf(map) === of);
  if (n < 0) return false;
  const place = await places(String(n));
  lassoed(maps[n], place, new Boxes(place.x, place.y).inside(outline), outline);
  return true;
}

const GREY = 150;

const points = computed<Points | null>(() => {
  const place = arrived.value[mapNumber.value];
  if (!place || place instanceof Missing) return null;
  const map = theScreen().about.maps[mapNumber.value];
  const colours = map.of === "treatments" ? treatmentColours.value : wellColours.value;
  const usable = colours && !(colours instanceof Missing) ? colours.rgb : null;
  const chosen = map.of === "treatments" ? selection.value.treatments : selection.value.wells;
  let [rgb, selected] = [usable, chosen];
  if (place.well) {
    rgb = new Uint8Array(place.n * 3).fill(GREY);
    selected = new Uint8Array(place.n);
    for (let i = 0; i < place.n; i++) {
      const well = place.well[i];
      if (well < 0) continue;
      selected[i] = chosen[well];
      if (usable) rgb.set(usable.subarray(3 * well, 3 * well + 3), 3 * i);
    }
  }
  rgb ??= new Uint8Array(place.n * 3).fill(GREY);
  return { n: place.n, x: place.x, y: place.y, rgb, selected, anySelected: anySelected.value };
});

const focus = computed<number[]>(() => {
  const map = theScreen().about.maps[mapNumber.value];
  const { treatment, well } = selection.value;
  if (map?.of === "treatments") return treatment >= 0 ? [treatment] : [];
  return map?.of === "wells" && well >= 0 ? [well] : [];
});

export function MapView() {
  const { about, wells, treatments } = theScreen();
  const map = about.maps[mapNumber.value];
  useEffect(() => {
    if (map && !map.tiles) wantMap(mapNumber.value);
  }, [mapNumber.value]);
  if (!map) {
    const why = about.status.missing.find((one) => /map|umap|pca/i.test(one.what));
    return <p class="empty">No map was computed.{why ? ` ${why.why}` : ""}</p>;
  }
  const place = arrived.value[mapNumber.value];
  const wellOf = (i: number) => (place instanceof Missing ? -1 : (place?.well?.[i] ?? i));
  const describe = (i: number) => {
    const values = map.of === "treatments" ? treatmentValues.value : wellValues.value;
    const at = map.of === "treatments" ? i : wellOf(i);
    const known = values && !(values instanceof Missing) ? values : null;
    const value = known ? `\n${known.label}: ${known.texts?.[at] ?? number(known.numbers![at])}` : "";
    if (map.of === "treatments") return `${treatments.name[i]}${value}`;
    if (at < 0) return "A cell of no known well";
    const treatment = treatments.name[wells.treatment[at]] ?? wells.role[at];
    return `${treatment}\n${about.plates[wells.plate[at]].name} ${wells.name[at]}${value}`;
  };
  const pick = (i: number) => {
    if (i < 0) return clear();
    if (map.of === "treatments") selectTreatments([i]);
    else if (wellOf(i) >= 0) selectWell(wellOf(i));
  };
  const asCsv = () => {
    if (!place || place instanceof Missing) return;
    const rows = Array.from({ length: place.n }, (_, i) => {
      const at = wellOf(i);
      const name = map.of === "treatments" ? treatments.name[i] : (treatments.name[wells.treatment[at]] ?? "");
      const spot = map.of === "treatments" || at < 0 ? ["", ""] : [about.plates[wells.plate[at]].name, wells.name[at]];
      return [name, ...spot, place.x[i], place.y[i]];
    });
    saveCsv("map.csv", ["treatment", "plate", "well", "x", "y"], rows);
  };
  const named = (place && !(place instanceof Missing) && place.axes.length === 2 && place.axes) || map.axes;
  const axes: [string, string] = named?.length === 2 ? [named[0], named[1]] : [`${map.method} 1`, `${map.method} 2`];
  return (
    <div class="view">
      <div class="bar">
        <label>
          <span class="unseen">Map</span>
          <select value={mapNumber.value} onChange={(e) => (mapNumber.value = Number(e.currentTarget.value))}>
            {about.maps.map((one, i) => (
              <option value={i}>{one.label}</option>
            ))}
          </select>
        </label>
        <ColourChoice />
      </div>
      {map.tiles ? (
        <CellTiles number={mapNumber.value} map={map} />
      ) : place instanceof Missing ? (
        <p class="empty">The map could not be read: {place.why}</p>
      ) : points.value ? (
        <Scatter
          name="map"
          label={`Map, ${map.label}, ${map.n} ${map.of}`}
          points={points.value}
          axes={axes}
          focus={focus.value}
          describe={describe}
          onPick={pick}
          onLasso={(found, outline) => place && lassoed(map, place, found, outline)}
          explained={(drawing) => withLegend(drawing, map.of === "treatments" ? treatmentColours.value : wellColours.value)}
          table={asCsv}
        />
      ) : (
        <p class="empty">Reading the map …</p>
      )}
      {!map.tiles && <Legend of={map.of === "treatments" ? "treatments" : "wells"} note={map.note} />}
    </div>
  );
}
