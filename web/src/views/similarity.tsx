// Treatments by treatments: how alike their profiles are, in the order of the clustering.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { Context } from "svgcanvas";
import { interpolatePuOr } from "d3-scale-chromatic";
import { json, remembered } from "../data/files";
import { frame } from "../data/frame";
import { rgbOf } from "../colours";
import { saveCsv, saveDrawing, type Form } from "../download";
import { number } from "../format";
import { selectTreatments } from "../select";
import { selection, theScreen } from "../state";
import { Save } from "../saving";
import { isDark } from "../theme";
import { useWaited, Waiting } from "../wait";

interface Order {
  treatments: number[];
  left_out: number;
  note?: string;
}

interface Matrix {
  order: Order;
  cosine: Float64Array;
  place: Map<number, number>;
}

const matrices = remembered(async (n): Promise<Matrix> => {
  const [order, table] = await Promise.all([
    json<Order>(`data/similarity/${n}.json`),
    frame(`data/similarity/${n}.arrow`),
  ]);
  const place = new Map(order.treatments.map((treatment, i) => [treatment, i]));
  return { order, cosine: table.number("cosine"), place };
});

const shown = signal(-1);
const LOOK = Array.from({ length: 201 }, (_, i) => rgbOf(interpolatePuOr(i / 200)));

const lookOf = (cosine: number) => LOOK[Math.round((Math.min(1, Math.max(-1, cosine || 0)) + 1) * 100)];

function picture(matrix: Matrix): HTMLCanvasElement {
  const n = matrix.order.treatments.length;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = n;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(n, n);
  matrix.cosine.forEach((value, i) => {
    image.data.set([...lookOf(value), 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}
const pictures = new WeakMap<Matrix, HTMLCanvasElement>();

const SPACE = 14;
const FONT = "11px system-ui, sans-serif";
const ruler = document.createElement("canvas").getContext("2d")!;

/** Room for the longest name, at most two fifths of the width. */
function roomFor(names: string[], width: number): number {
  ruler.font = `bold ${FONT}`;
  const longest = Math.max(0, ...names.map((name) => ruler.measureText(name).width));
  return Math.round(Math.min(Math.max(60, longest + 14), Math.max(118, width * 0.4)));
}

export function SimilarityView() {
  const { about } = theScreen();
  const at = about.similarity.includes(shown.value) ? shown.value : (about.similarity[0] ?? -1);
  const waited = useWaited(at, () => (at < 0 ? Promise.reject(new Error("not computed")) : matrices(String(at))));
  if (!waited || "missing" in waited) return <Waiting for={waited} what="similarity of treatments" />;
  return <HeatMap matrix={waited.found} at={at} />;
}

function HeatMap({ matrix, at }: { matrix: Matrix; at: number }) {
  const { about, treatments } = theScreen();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<[number, number]>([400, 400]);
  const [hover, setHover] = useState<{ row: number; column: number; x: number; y: number } | null>(null);
  const names = matrix.order.treatments;
  const n = names.length;
  // What part is seen: first and length, the same of rows and columns.
  const [part, setPart] = useState<{ x: number; y: number; n: number }>({ x: 0, y: 0, n });
  useEffect(() => setPart({ x: 0, y: 0, n }), [matrix]);
  const left = useMemo(() => roomFor(names.map((one) => treatments.name[one]), size[0]), [matrix, size[0]]);
  const side = Math.max(50, Math.min(size[0] - left - 8, size[1] - SPACE - 8));
  const cell = side / part.n;

  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setSize([entry.contentRect.width, entry.contentRect.height]));
    watcher.observe(canvas.current!.parentElement!);
    return () => watcher.disconnect();
  }, []);

  const seen = { matrix, part, side, left };
  useEffect(() => {
    const it = canvas.current!;
    const ratio = Math.min(2, devicePixelRatio || 1);
    [it.width, it.height] = [(left + side + 8) * ratio, (SPACE + side + 8) * ratio];
    const context = it.getContext("2d")!;
    context.scale(ratio, ratio);
    draw(context, seen);
  }, [matrix, part, side, left, selection.value, isDark.value]);

  const cellAt = (event: MouseEvent) => {
    const [column, row] = [
      Math.floor((event.offsetX - left) / cell + part.x),
      Math.floor((event.offsetY - SPACE) / cell + part.y),
    ];
    const isThere = row >= 0 && row < n && column < n && event.offsetX >= 0;
    return isThere ? { row, column, x: event.offsetX, y: event.offsetY } : null;
  };
  const zoom = (factor: number, middle: [number, number] = [part.x + part.n / 2, part.y + part.n / 2]) => {
    const span = Math.min(n, Math.max(Math.min(n, 6), part.n * factor));
    const start = (old: number, at: number) =>
      Math.min(n - span, Math.max(0, at - ((at - old) / part.n) * span));
    setPart({ x: start(part.x, middle[0]), y: start(part.y, middle[1]), n: span });
  };
  useEffect(() => {
    const it = canvas.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const spot = cellAt(event);
      zoom(2 ** (event.deltaY / 300), spot ? [spot.column, spot.row] : undefined);
    };
    it.addEventListener("wheel", wheel, { passive: false });
    return () => it.removeEventListener("wheel", wheel);
  });
  const asPicture = (form: Form) => {
    // Large enough that each name that is seen has its line, on paper.
    const saved = { ...seen, side: Math.max(side, Math.min(1200, 13 * part.n)) };
    const [width, height] = [left + saved.side + 8, SPACE + saved.side + 30];
    saveDrawing("similarity", form, {
      width, height,
      draw: (context) => {
        draw(context, saved);
        scale(context, left, height - 12);
      },
    });
  };
  const asCsv = () => {
    const rows = names.map((treatment, i) => [
      treatments.name[treatment],
      ...matrix.cosine.subarray(i * n, (i + 1) * n),
    ]);
    saveCsv("similarity.csv", ["treatment", ...names.map((treatment) => treatments.name[treatment])], rows);
  };
  return (
    <div class="view">
      <div class="bar">
        {about.similarity.length > 1 && (
          <select aria-label="Profiles" value={at} onChange={(event) => (shown.value = Number(event.currentTarget.value))}>
            {about.similarity.map((i) => <option value={i}>{about.representations[i].label}</option>)}
          </select>
        )}
        <button type="button" aria-label="Zoom in" onClick={() => zoom(0.6)}>+</button>
        <button type="button" aria-label="Zoom out" onClick={() => zoom(1.7)}>−</button>
        <span class="space" />
        <Save what="similarity" picture={asPicture} table={asCsv} />
      </div>
      <div class="plot">
        <canvas
          ref={canvas}
          style={{ width: `${left + side + 8}px`, height: `${SPACE + side + 8}px` }}
          role="img"
          aria-label={`Similarity of ${n} treatments, clustered`}
          onPointerMove={(event) => setHover(cellAt(event))}
          onPointerLeave={() => setHover(null)}
          onClick={(event) => {
            const spot = cellAt(event);
            if (!spot) return;
            if (spot.column < 0 || spot.row === spot.column) selectTreatments([names[spot.row]]);
            else selectTreatments([names[spot.row], names[spot.column]]);
          }}
        />
        {hover && hover.column >= 0 && (
          <div class="tip" style={{ left: `${Math.min(hover.x + 12, left + side - 200)}px`, top: `${Math.min(hover.y + 12, side - 40)}px` }}>
            {`${treatments.name[names[hover.row]]}\n${treatments.name[names[hover.column]]}\ncosine ${number(matrix.cosine[hover.row * n + hover.column])}`}
          </div>
        )}
      </div>
      <div class="legend">
        <span class="scale">
          <b>Cosine</b> −1
          <svg width="120" height="10" viewBox="0 0 24 1" preserveAspectRatio="none" aria-hidden="true">
            {Array.from({ length: 24 }, (_, i) => <rect x={i} width="1.05" height="1" fill={interpolatePuOr(i / 23)} />)}
          </svg>
          1
        </span>
        <span class="soft">
          {matrix.order.note}
          {matrix.order.left_out ? ` ${matrix.order.left_out} more are not shown.` : ""}
        </span>
      </div>
    </div>
  );
}

interface Seen {
  matrix: Matrix;
  part: { x: number; y: number; n: number };
  side: number;
  /** Room for the names. */
  left: number;
}

// A drawing has a rectangle a cosine, up to so many rows; more are one picture in it.
const RECTANGLES = 150;

function draw(context: CanvasRenderingContext2D, { matrix, part, side, left: room }: Seen): void {
  const { treatments } = theScreen();
  const style = getComputedStyle(document.documentElement);
  const names = matrix.order.treatments;
  const { x, y, n: span } = part;
  const n = names.length;
  const cell = side / span;
  if (!(context instanceof Context) || span > RECTANGLES) {
    if (!pictures.has(matrix)) pictures.set(matrix, picture(matrix));
    context.imageSmoothingEnabled = cell < 1;
    context.drawImage(pictures.get(matrix)!, x, y, span, span, room, SPACE, side, side);
  } else {
    const within = (from: number, to: number) => [Math.max(0, from), Math.min(span, to)];
    for (let row = Math.floor(y); row < Math.min(n, y + span); row++) {
      for (let column = Math.floor(x); column < Math.min(n, x + span); column++) {
        const [[left, right], [top, bottom]] = [within(column - x, column + 1 - x), within(row - y, row + 1 - y)];
        context.fillStyle = `rgb(${lookOf(matrix.cosine[row * n + column])})`;
        context.fillRect(room + left * cell, SPACE + top * cell, (right - left) * cell, (bottom - top) * cell);
      }
    }
  }
  context.font = FONT;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const chosen = selection.value;
  const every = Math.max(1, Math.ceil(12 / cell));
  const inSight = Array.from({ length: Math.min(n, Math.ceil(y + span)) - Math.floor(y) }, (_, i) => i + Math.floor(y));
  // Selected names last: they may cover others.
  inSight.sort((a, b) => chosen.treatments[names[a]] - chosen.treatments[names[b]] || a - b);
  for (const row of inSight) {
    const on = chosen.treatments[names[row]] === 1;
    if (!on && (row - Math.floor(y)) % every) continue;
    if (on && chosen.treatmentCount > 60) continue;
    const name = cut(context, treatments.name[names[row]], room);
    if (on && every > 1) {
      context.fillStyle = style.getPropertyValue("--paper");
      context.fillRect(0, SPACE + (row - y + 0.5) * cell - 8, room - 5, 16);
    }
    context.fillStyle = style.getPropertyValue(on ? "--accent" : "--soft");
    context.font = `${on ? "bold " : ""}${FONT}`;
    context.fillText(name, room - 6, SPACE + (row - y + 0.5) * cell);
  }
  context.fillStyle = style.getPropertyValue("--ink");
  names.forEach((treatment, i) => {
    if (!chosen.treatments[treatment]) return;
    const [across, down] = [(i - x) * cell, (i - y) * cell];
    const thick = Math.max(2, Math.min(cell, 4));
    if (down >= 0 && down < side) context.fillRect(room - 4, SPACE + down, 3, Math.max(2, cell));
    if (across >= 0 && across < side) context.fillRect(room + across, SPACE - 5, Math.max(thick, cell), 3);
  });
  // White would not be seen on colours that are light where nothing is alike.
  context.strokeStyle = "#10161c";
  context.lineWidth = 1;
  const looked = matrix.place.get(chosen.treatment);
  if (looked !== undefined && looked >= y && looked < y + span) {
    context.strokeRect(room, SPACE + (looked - y) * cell, side, Math.max(2, cell));
  }
}

function scale(context: CanvasRenderingContext2D, left: number, y: number): void {
  const style = getComputedStyle(document.documentElement);
  context.font = "11px sans-serif";
  context.textAlign = "left";
  context.fillStyle = style.getPropertyValue("--ink");
  context.fillText("Cosine  −1", left, y);
  for (let i = 0; i < 24; i++) {
    context.fillStyle = interpolatePuOr(i / 23);
    context.fillRect(left + 62 + 5 * i, y - 5, 5.2, 10);
  }
  context.fillStyle = style.getPropertyValue("--ink");
  context.fillText("1", left + 188, y);
}

function cut(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room - 12) return text;
  let kept = text;
  while (kept.length > 1 && context.measureText(`${kept}…`).width > room - 12) kept = kept.slice(0, -1);
  return `${kept}…`;
}
