// A scatter plot that is zoomed, dragged, clicked and lassoed.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ticks } from "d3-array";
import { saveDrawing, type Drawing, type Form } from "../download";
import { number } from "../format";
import { rgbOf } from "../colours";
import { Save } from "../saving";
import { isDark } from "../theme";
import { Boxes, bounds } from "./nearest";
import { simpler } from "./outline";
import { paint, renderer, type Look, type Place, type Points, type Renderer } from "./points";

type Spot = [number, number];

export interface Guide {
  y: number;
  text: string;
}

export interface ScatterProps {
  name: string;
  label: string;
  points: Points;
  axes: [string, string];
  ticked?: boolean;
  guides?: Guide[];
  /** Points ringed: those looked at. */
  focus: number[];
  describe: (i: number) => string;
  onPick: (i: number) => void;
  onLasso: (found: number[], outline: Spot[]) => void;
  /** The picture with what its colours mean. */
  explained: (drawing: Drawing) => Drawing;
  /** Saves the points as a table. */
  table: () => void;
}

const MARGIN = { left: 46, right: 12, top: 10, bottom: 34 };
const NEAR = 9;
/** What drew the last frame and how long frames took, for whoever measures. */
export const drawnBy = { name: "", frames: 0, milliseconds: 0 };

export function Scatter(props: ScatterProps) {
  const { points, ticked } = props;
  const box = useRef<HTMLDivElement>(null);
  const front = useRef<HTMLCanvasElement>(null);
  const back = useRef<HTMLCanvasElement>(null);
  const drawer = useRef<Renderer | null>(null);
  const [size, setSize] = useState<[number, number]>([0, 0]);
  const [zoom, setZoom] = useState({ k: 1, x: 0, y: 0 });
  const [lassoing, setLassoing] = useState(false);
  const [hover, setHover] = useState<{ i: number; at: [number, number] } | null>(null);
  const outline = useRef<[number, number][]>([]);
  const [drawnLasso, setDrawnLasso] = useState(0);
  const boxes = useMemo(() => new Boxes(points.x, points.y), [points.x, points.y]);
  const extent = useMemo(() => [bounds(points.x), bounds(points.y)] as const, [points.x, points.y]);
  const margin = ticked ? MARGIN : { left: 12, right: 12, top: 12, bottom: 22 };
  const place = useMemo(() => placed(extent, size, margin, zoom), [extent, size, zoom, ticked]);
  const look: Look = {
    width: size[0],
    height: size[1],
    ratio: Math.min(2, window.devicePixelRatio || 1),
    size: dotSize(points.n, zoom.k),
    ring: rgbOf(isDark.value ? "#ffffff" : "#10161c"),
    paper: rgbOf(css("--paper")),
    fade: isDark.value ? 0.4 : 0.25,
  };

  useEffect(() => setZoom({ k: 1, x: 0, y: 0 }), [points.x]);

  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      setSize([Math.floor(width), Math.floor(height)]);
    });
    watcher.observe(box.current!);
    return () => {
      watcher.disconnect();
      drawer.current?.gone();
    };
  }, []);

  useEffect(() => {
    if (!size[0] || !size[1]) return;
    drawer.current ??= renderer(back.current!);
    const started = performance.now();
    drawer.current.draw(points, place, look);
    drawnBy.name = drawer.current.name;
    drawnBy.frames++;
    drawnBy.milliseconds += performance.now() - started;
    const over = front.current!;
    [over.width, over.height] = [look.width * look.ratio, look.height * look.ratio];
    const context = over.getContext("2d")!;
    context.scale(look.ratio, look.ratio);
    overlay(context, { ...props, place, look, margin, outline: outline.current });
  }, [points, place, size, isDark.value, props.focus, props.guides, drawnLasso]);

  const at = (event: { clientX: number; clientY: number }): [number, number] => {
    const rect = front.current!.getBoundingClientRect();
    return [event.clientX - rect.left, event.clientY - rect.top];
  };
  const data = ([x, y]: [number, number]): [number, number] => [
    (x - place.shift[0]) / place.scale[0],
    (y - place.shift[1]) / place.scale[1],
  ];
  const nearest = (spot: [number, number]) =>
    boxes.nearest(data(spot), [NEAR / Math.abs(place.scale[0]), NEAR / Math.abs(place.scale[1])]);

  const scaleBy = (factor: number, [px, py]: [number, number] = [size[0] / 2, size[1] / 2]) =>
    setZoom((now) => {
      const k = Math.min(400, Math.max(0.5, now.k * factor));
      const f = k / now.k;
      return { k, x: px - (px - now.x) * f, y: py - (py - now.y) * f };
    });
  const moveBy = (x: number, y: number) => setZoom((now) => ({ ...now, x: now.x + x, y: now.y + y }));

  useEffect(() => {
    const canvas = front.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      scaleBy(2 ** (-event.deltaY / 300), at(event));
    };
    canvas.addEventListener("wheel", wheel, { passive: false });
    return () => canvas.removeEventListener("wheel", wheel);
  }, [size]);

  const fingers = useRef(new Map<number, [number, number]>());
  const pressed = useRef<{ at: [number, number]; moved: boolean; lasso: boolean } | null>(null);
  const onDown = (event: PointerEvent) => {
    if (event.button) return;
    front.current!.setPointerCapture(event.pointerId);
    fingers.current.set(event.pointerId, at(event));
    pressed.current = { at: at(event), moved: false, lasso: lassoing || event.shiftKey };
    outline.current = pressed.current.lasso ? [at(event)] : [];
  };
  const onMove = (event: PointerEvent) => {
    const spot = at(event);
    const press = pressed.current;
    if (!press) {
      const i = nearest(spot);
      setHover(i >= 0 ? { i, at: spot } : null);
      return;
    }
    const [was, others] = [fingers.current.get(event.pointerId) ?? spot, [...fingers.current.values()]];
    fingers.current.set(event.pointerId, spot);
    if (Math.hypot(spot[0] - press.at[0], spot[1] - press.at[1]) > 4) press.moved = true;
    if (press.lasso) {
      outline.current.push(spot);
      setDrawnLasso((n) => n + 1);
    } else if (others.length === 2) {
      const now = [...fingers.current.values()];
      const far = (pair: [number, number][]) => Math.hypot(pair[0][0] - pair[1][0], pair[0][1] - pair[1][1]);
      scaleBy(far(now) / (far(others) || 1), [(now[0][0] + now[1][0]) / 2, (now[0][1] + now[1][1]) / 2]);
    } else if (press.moved) {
      setHover(null);
      moveBy(spot[0] - was[0], spot[1] - was[1]);
    }
  };
  const onUp = (event: PointerEvent) => {
    fingers.current.delete(event.pointerId);
    const press = pressed.current;
    pressed.current = null;
    if (!press) return;
    if (press.lasso && outline.current.length > 2) {
      const drawn = simpler(outline.current.map(data), place.scale);
      props.onLasso(boxes.inside(drawn), drawn);
      setLassoing(false);
    } else if (!press.moved) props.onPick(nearest(press.at));
    outline.current = [];
    setDrawnLasso((n) => n + 1);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = 40;
    const moves: Record<string, () => void> = {
      "+": () => scaleBy(1.4),
      "=": () => scaleBy(1.4),
      "-": () => scaleBy(1 / 1.4),
      "0": () => setZoom({ k: 1, x: 0, y: 0 }),
      ArrowLeft: () => moveBy(step, 0),
      ArrowRight: () => moveBy(-step, 0),
      ArrowUp: () => moveBy(0, step),
      ArrowDown: () => moveBy(0, -step),
      l: () => setLassoing(!lassoing),
    };
    if (!moves[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    moves[event.key]();
  };

  const asPicture = (form: Form) => {
    const draw = (context: CanvasRenderingContext2D) => {
      paint(context, points, place, look);
      overlay(context, { ...props, place, look, margin, outline: [] });
    };
    saveDrawing(props.name, form, props.explained({ width: size[0], height: size[1], draw }));
  };

  return (
    <div class="scatter">
      <div class="plot" ref={box}>
        <canvas ref={back} class="layer" aria-hidden="true" />
        <canvas
          ref={front}
          class={`layer front${lassoing ? " lassoing" : ""}`}
          role="application"
          tabIndex={0}
          aria-label={`${props.label}. Arrow keys move, plus and minus zoom, 0 shows all, L draws a lasso.`}
          onPointerDown={onDown}
          onPointerMove={onMove}
          onPointerUp={onUp}
          onPointerCancel={onUp}
          onPointerLeave={() => setHover(null)}
          onDblClick={() => setZoom({ k: 1, x: 0, y: 0 })}
          onKeyDown={onKey}
        />
        {hover && hover.i < points.n && (
          <div
            class="tip"
            style={{
              left: `${Math.min(hover.at[0] + 12, Math.max(0, size[0] - 230))}px`,
              top: `${Math.max(0, hover.at[1] > size[1] - 90 ? hover.at[1] - 80 : hover.at[1] + 14)}px`,
            }}
          >
            {props.describe(hover.i)}
          </div>
        )}
        {drawer.current?.name === "canvas without WebGL" && (
          <div class="note floating">This browser gives no WebGL: drawn more slowly.</div>
        )}
      </div>
      <div class="tools" role="toolbar" aria-label={`${props.label}: tools`}>
        <button
          type="button"
          aria-pressed={lassoing}
          title="Draw around points to select them (L, or hold Shift)"
          onClick={() => setLassoing(!lassoing)}
        >
          Lasso
        </button>
        <button type="button" aria-label="Zoom in" title="Zoom in" onClick={() => scaleBy(1.5)}>+</button>
        <button type="button" aria-label="Zoom out" title="Zoom out" onClick={() => scaleBy(1 / 1.5)}>−</button>
        <button type="button" title="Show all" onClick={() => setZoom({ k: 1, x: 0, y: 0 })}>All</button>
        <span class="space" />
        <Save what={props.name} picture={asPicture} table={props.table} />
      </div>
    </div>
  );
}

function dotSize(n: number, k: number): number {
  const usual = n > 200_000 ? 2 : n > 20_000 ? 3 : n > 3_000 ? 4.5 : n > 600 ? 6 : 8;
  return Math.min(12, usual * Math.sqrt(Math.max(1, Math.min(k, 16))) ** 0.7);
}

type Margin = typeof MARGIN;

function placed(
  [ex, ey]: readonly [[number, number], [number, number]],
  [width, height]: [number, number],
  margin: Margin,
  zoom: { k: number; x: number; y: number },
): Place {
  const pad = 0.04;
  const fit = ([low, high]: [number, number], from: number, to: number) => {
    const span = high - low || 1;
    const scale = (to - from) / (span * (1 + 2 * pad));
    return { scale, shift: from - (low - span * pad) * scale };
  };
  const x = fit(ex, margin.left, width - margin.right);
  const y = fit(ey, height - margin.bottom, margin.top);
  return {
    scale: [x.scale * zoom.k, y.scale * zoom.k],
    shift: [x.shift * zoom.k + zoom.x, y.shift * zoom.k + zoom.y],
  };
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#888";

interface Over extends ScatterProps {
  place: Place;
  look: Look;
  margin: Margin;
  outline: [number, number][];
}

function overlay(context: CanvasRenderingContext2D, it: Over): void {
  const { place, look, margin, points } = it;
  const [ink, soft, line] = [css("--ink"), css("--soft"), css("--line")];
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "alphabetic";
  const [left, bottom] = [margin.left, look.height - margin.bottom];
  if (it.ticked) {
    const range = (axis: 0 | 1, a: number, b: number) =>
      [(a - place.shift[axis]) / place.scale[axis], (b - place.shift[axis]) / place.scale[axis]] as const;
    context.strokeStyle = line;
    context.fillStyle = soft;
    context.lineWidth = 1;
    context.textAlign = "center";
    for (const tick of ticks(...range(0, left, look.width - margin.right), 6)) {
      const x = tick * place.scale[0] + place.shift[0];
      stroke(context, [x, bottom], [x, bottom + 4]);
      context.fillText(number(tick) || "0", x, bottom + 14);
    }
    context.textAlign = "right";
    for (const tick of ticks(...range(1, bottom, margin.top), 5)) {
      const y = tick * place.scale[1] + place.shift[1];
      stroke(context, [left - 4, y], [left, y]);
      context.fillText(number(tick) || "0", left - 7, y + 4);
    }
    stroke(context, [left, margin.top], [left, bottom]);
    stroke(context, [left, bottom], [look.width - margin.right, bottom]);
  }
  context.fillStyle = soft;
  context.textAlign = "right";
  context.fillText(it.axes[0], look.width - margin.right, look.height - 6);
  context.save();
  context.translate(11, margin.top);
  context.rotate(-Math.PI / 2);
  context.fillText(it.axes[1], 0, 0);
  context.restore();
  context.textAlign = "right";
  for (const guide of it.guides ?? []) {
    const y = guide.y * place.scale[1] + place.shift[1];
    if (y < margin.top || y > bottom) continue;
    context.setLineDash([4, 4]);
    context.strokeStyle = soft;
    stroke(context, [left, y], [look.width - margin.right, y]);
    context.setLineDash([]);
    context.fillText(guide.text, look.width - margin.right, y - 4);
  }
  context.strokeStyle = ink;
  context.lineWidth = 2;
  for (const i of it.focus) {
    const [x, y] = [points.x[i] * place.scale[0] + place.shift[0], points.y[i] * place.scale[1] + place.shift[1]];
    if (!Number.isFinite(x + y)) continue;
    context.beginPath();
    context.arc(x, y, look.size + 4, 0, 2 * Math.PI);
    context.stroke();
  }
  if (it.outline.length > 1) {
    context.strokeStyle = css("--accent");
    context.setLineDash([5, 3]);
    context.beginPath();
    it.outline.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 0.1;
    context.fillStyle = css("--accent");
    context.fill();
    context.globalAlpha = 1;
  }
}

function stroke(context: CanvasRenderingContext2D, from: [number, number], to: [number, number]): void {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}
