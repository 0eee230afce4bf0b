// Very many cells: how dense they are from afar, the cells themselves on zoom.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { interpolateViridis } from "d3-scale-chromatic";
import { tableFromIPC } from "@uwdata/flechette";
import { bytes, remembered } from "../data/files";
import type { PointMap } from "../data/screen";
import { rgbOf } from "../colours";
import { saveCsv, saveDrawing, type Form } from "../download";
import { Missing } from "../data/files";
import { Save } from "../saving";
import { selectWell } from "../select";
import { anySelected, selection, theScreen } from "../state";
import { isDark } from "../theme";
import { wellColours } from "../values";
import { Legend, withLegend } from "./legend";

interface Tile {
  kind: "points" | "density";
  count?: Uint32Array;
  most: number;
  x?: Float32Array;
  y?: Float32Array;
  well?: Int32Array;
  extent: number[];
}

const tiles = remembered(async (path): Promise<Tile> => {
  const table = tableFromIPC(await bytes(path));
  const extent = (table.schema.metadata?.get("extent") ?? "").split(" ").map(Number);
  const kind = table.schema.metadata?.get("kind") === "density" ? "density" : "points";
  const numbers = (name: string) => table.getChild(name)?.toArray() as ArrayLike<number>;
  if (kind === "density") {
    const count = Uint32Array.from(numbers("count"));
    return { kind, extent, count, most: count.reduce((a, b) => Math.max(a, b), 1) };
  }
  return {
    kind, extent, most: 1,
    x: Float32Array.from(numbers("x")), y: Float32Array.from(numbers("y")), well: Int32Array.from(numbers("well")),
  };
}, 400);

const SIDE = 256;
// Neither end is lost on a light or a dark ground.
const densityLook = (place: number) => interpolateViridis(0.2 + 0.75 * place);
const RAMP = Array.from({ length: 256 }, (_, i) => rgbOf(densityLook(i / 255)));

export function CellTiles({ number, map }: { number: number; map: PointMap }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<[number, number]>([0, 0]);
  const [zoom, setZoom] = useState({ k: 1, x: 0.5, y: 0.5 });
  const [came, setCame] = useState(0);
  const have = useMemo(() => new Map<string, Tile | null>(), [number]);
  const [x0, y0, x1, y1] = map.tiles!.extent ?? have.get("0-0-0")?.extent ?? [0, 0, 1, 1];
  // The whole square of tiles fits the shorter side at zoom 1.
  const side = Math.min(...size) * zoom.k;
  const left = size[0] / 2 - zoom.x * side;
  const top = size[1] / 2 - zoom.y * side;

  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setSize([entry.contentRect.width, entry.contentRect.height]));
    watcher.observe(canvas.current!.parentElement!);
    return () => watcher.disconnect();
  }, []);

  /** Tiles in sight; a tile of points has no deeper ones. */
  const wanted = () => {
    const level = Math.min(map.tiles!.levels - 1, Math.max(0, Math.round(Math.log2(side / SIDE))));
    const found = new Set<string>();
    const across = 2 ** level;
    const tile = side / across;
    for (let ty = Math.max(0, Math.floor(-top / tile)); ty < across && top + ty * tile < size[1]; ty++) {
      for (let tx = Math.max(0, Math.floor(-left / tile)); tx < across && left + tx * tile < size[0]; tx++) {
        let name = `${level}-${tx}-${ty}`;
        for (let z = 0; z < level; z++) {
          const up = level - z;
          const parent = `${z}-${tx >> up}-${ty >> up}`;
          if (have.get(parent)?.kind === "points" || have.get(parent) === null) {
            name = parent;
            break;
          }
        }
        found.add(name);
      }
    }
    return [...found];
  };

  useEffect(() => {
    if (!size[0]) return;
    let isWanted = true;
    // The first tile says where the points lie.
    for (const name of new Set(["0-0-0", ...wanted()])) {
      if (have.has(name)) continue;
      tiles(`data/maps/${number}/${name}.arrow`).then(
        (tile) => have.set(name, tile),
        () => have.set(name, null),
      ).then(() => isWanted && setCame((n) => n + 1));
    }
    return () => {
      isWanted = false;
    };
  }, [size, zoom, came, number]);

  const draw = (context: CanvasRenderingContext2D) => {
    const colours = wellColours.value;
    const rgb = colours && !(colours instanceof Missing) ? colours.rgb : null;
    const shown = wanted().map((name) => [name, have.get(name)] as const);
    const most = Math.max(1, ...shown.map(([, tile]) => (tile?.kind === "density" ? tile.most : 0)));
    for (const [name, tile] of shown) {
      if (!tile) continue;
      if (tile.kind === "density") {
        const [level, tx, ty] = name.split("-").map(Number);
        const span = side / 2 ** level;
        context.imageSmoothingEnabled = false;
        context.drawImage(densityPicture(tile, most), left + tx * span, top + ty * span, span, span);
        continue;
      }
      const dot = tile.x!.length / (side / size[0]) ** 2 < 3_000 ? 6 : 3;
      for (let i = 0; i < tile.x!.length; i++) {
        const [px, py] = [left + ((tile.x![i] - x0) / (x1 - x0)) * side, top + ((tile.y![i] - y0) / (y1 - y0)) * side];
        if (!(px > -3 && py > -3 && px < size[0] + 3 && py < size[1] + 3)) continue;
        const well = tile.well![i];
        const on = well >= 0 && selection.value.wells[well] === 1;
        context.globalAlpha = anySelected.value && !on ? 0.15 : 0.8;
        context.fillStyle = rgb && well >= 0 ? `rgb(${rgb[3 * well]},${rgb[3 * well + 1]},${rgb[3 * well + 2]})` : "#888";
        context.fillRect(px - dot / 2, py - dot / 2, on ? dot + 2 : dot, on ? dot + 2 : dot);
      }
      context.globalAlpha = 1;
    }
  };
  useEffect(() => {
    const it = canvas.current!;
    if (!size[0]) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    [it.width, it.height] = [size[0] * ratio, size[1] * ratio];
    const context = it.getContext("2d")!;
    context.scale(ratio, ratio);
    draw(context);
  }, [size, zoom, came, number, selection.value, wellColours.value, isDark.value]);

  /** Of the squares in sight; 0 where all in sight are cells. */
  const densest = Math.max(0, ...wanted().map((name) => (have.get(name)?.kind === "density" ? have.get(name)!.most : 0)));
  const asPicture = (form: Form) => {
    const drawing = { width: size[0], height: size[1], draw };
    saveDrawing("cells", form, withLegend(drawing, densest ? null : wellColours.value));
  };
  /** What is in sight: counts of the grid where it shows density, else the cells. */
  const asCsv = () => {
    const { about, wells, treatments } = theScreen();
    const rows = wanted().flatMap((name) => {
      const tile = have.get(name);
      const [level, tx, ty] = name.split("-").map(Number);
      const step = [(x1 - x0) / 2 ** level / SIDE, (y1 - y0) / 2 ** level / SIDE];
      const middle = (k: number, i: number) => (k ? y0 : x0) + ((k ? ty : tx) * SIDE + i + 0.5) * step[k];
      const counted = Array.from(tile?.count ?? [], (count, i) =>
        count ? [[middle(0, i % SIDE), middle(1, Math.floor(i / SIDE)), count, "", "", ""]] : [],
      ).flat();
      const cells = Array.from(tile?.x ?? [], (x, i) => {
        const well = tile!.well![i];
        const place = well < 0 ? ["", "", ""] : [
          about.plates[wells.plate[well]].name, wells.name[well], treatments.name[wells.treatment[well]] ?? "",
        ];
        return [x, tile!.y![i], 1, ...place];
      });
      return [...counted, ...cells];
    });
    saveCsv("cells.csv", ["x", "y", "cells", "plate", "well", "treatment"], rows);
  };

  const zoomBy = (factor: number, [px, py]: [number, number] = [size[0] / 2, size[1] / 2]) =>
    setZoom((now) => {
      const k = Math.min(2 ** (map.tiles!.levels + 2), Math.max(1, now.k * factor));
      const short = Math.min(...size);
      const f = 1 / (short * now.k) - 1 / (short * k);
      return { k, x: now.x + (px - size[0] / 2) * f, y: now.y + (py - size[1] / 2) * f };
    });
  useEffect(() => {
    const it = canvas.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      zoomBy(2 ** (-event.deltaY / 300), [event.offsetX, event.offsetY]);
    };
    it.addEventListener("wheel", wheel, { passive: false });
    return () => it.removeEventListener("wheel", wheel);
  }, [size]);

  const pick = (event: MouseEvent) => {
    let [best, least] = [-1, 81];
    for (const name of wanted()) {
      const tile = have.get(name);
      if (tile?.kind !== "points") continue;
      for (let i = 0; i < tile.x!.length; i++) {
        const px = left + ((tile.x![i] - x0) / (x1 - x0)) * side;
        const py = top + ((tile.y![i] - y0) / (y1 - y0)) * side;
        const far = (px - event.offsetX) ** 2 + (py - event.offsetY) ** 2;
        if (far < least) [best, least] = [tile.well![i], far];
      }
    }
    if (best >= 0) selectWell(best);
  };
  return (
    <div class="scatter">
      <div class="plot">
        <canvas
          ref={canvas} class="layer front" role="application" tabIndex={0}
          aria-label={`Map, ${map.label}, ${map.n} cells as density, and as points when near. Plus and minus zoom.`}
          onPointerDown={(event) => canvas.current!.setPointerCapture(event.pointerId)}
          onPointerMove={(event) => {
            if (event.buttons) setZoom((now) => ({ ...now, x: now.x - event.movementX / side, y: now.y - event.movementY / side }));
          }}
          onClick={pick}
          onDblClick={() => setZoom({ k: 1, x: 0.5, y: 0.5 })}
          onKeyDown={(event) => {
            if (event.key === "+" || event.key === "=") zoomBy(1.5);
            if (event.key === "-") zoomBy(1 / 1.5);
            if (event.key === "0") setZoom({ k: 1, x: 0.5, y: 0.5 });
          }}
        />
      </div>
      <div class="tools" role="toolbar" aria-label="Map of cells: tools">
        <button type="button" aria-label="Zoom in" onClick={() => zoomBy(1.7)}>+</button>
        <button type="button" aria-label="Zoom out" onClick={() => zoomBy(1 / 1.7)}>−</button>
        <button type="button" onClick={() => setZoom({ k: 1, x: 0.5, y: 0.5 })}>All</button>
        <span class="soft">{theScreen().about.maps[number].n.toLocaleString("en")} cells</span>
        <span class="space" />
        <Save what="the cells in sight" picture={asPicture} table={asCsv} />
      </div>
      {densest > 0 ? (
        <div class="legend">
          <span class="scale" role="img" aria-label={`Cells in a square, from 1 to ${densest}, on a logarithmic scale`}>
            <b>Cells in a square</b> 1
            <svg width="120" height="10" viewBox="0 0 24 1" preserveAspectRatio="none" aria-hidden="true">
              {Array.from({ length: 24 }, (_, i) => <rect x={i} width="1.05" height="1" fill={densityLook(i / 23)} />)}
            </svg>
            {densest} (log)
          </span>
          <span class="soft">{map.note ? `${map.note}. ` : ""}Zoom in for single cells.</span>
        </div>
      ) : (
        <Legend of="wells" note={map.note} />
      )}
    </div>
  );
}

function densityPicture(tile: Tile, most: number): HTMLCanvasElement {
  const picture = document.createElement("canvas");
  picture.width = picture.height = SIDE;
  const context = picture.getContext("2d")!;
  const image = context.createImageData(SIDE, SIDE);
  const scale = 255 / Math.log1p(most);
  tile.count!.forEach((count, i) => {
    if (!count) return;
    const [r, g, b] = RAMP[Math.min(255, Math.round(Math.log1p(count) * scale))];
    image.data.set([r, g, b, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return picture;
}
