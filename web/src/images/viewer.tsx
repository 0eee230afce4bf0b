// One field: its stains in colours, zoomed and dragged; several viewers can share one view.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Signal } from "@preact/signals";
import { contrast as plateContrast, type Field } from "../data/treatment";
import { saveDrawing, type Form } from "../download";
import { number } from "../format";
import { Save } from "../saving";
import { theScreen } from "../state";
import { useWaited } from "../wait";
import { channels, compose, masksOn, stains } from "./stains";
import { levelFor, outline, plane, SIDE, sizeAt, tileSize, type TileAt } from "./tiles";

/** What is seen: the middle in fractions of the field, and zoom (1 shows the whole field). */
export interface Sight {
  x: number;
  y: number;
  zoom: number;
}
export const WHOLE: Sight = { x: 0.5, y: 0.5, zoom: 1 };

interface Props {
  field: Field;
  plate: number;
  title: string;
  sight: Signal<Sight>;
  /** A place to ring, in pixels of the field. */
  ring?: { x: number; y: number } | null;
}

export function Viewer({ field, plate, title, sight, ring }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [trouble, setTrouble] = useState("");
  const waited = useWaited(plate, () => plateContrast(plate));
  const height = Math.round((width * field.height) / field.width);
  const made = useRef(new Map<string, HTMLCanvasElement>());

  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watcher.observe(canvas.current!.parentElement!);
    return () => watcher.disconnect();
  }, []);

  // Of another look the tiles stay in sight until the new ones are made.
  const stale = useRef(new Map<string, HTMLCanvasElement>());
  useEffect(() => {
    stale.current = made.current;
    made.current = new Map();
  }, [stains.value, masksOn.value, waited]);
  useEffect(() => {
    stale.current = new Map();
    made.current = new Map();
  }, [field]);

  useEffect(() => {
    if (!width || !waited || "missing" in waited) return;
    let isWanted = true;
    const shown = channels(stains.value, waited.found);
    const ratio = Math.min(2, devicePixelRatio || 1);
    const scale = (width / field.width) * sight.value.zoom;
    const level = levelFor(field, scale * ratio);
    const objects = masksOn.value ? field.objects.indexOf(masksOn.value) : -1;
    const context = () => {
      const it = canvas.current!;
      if (it.width !== width * ratio || it.height !== height * ratio) {
        [it.width, it.height] = [width * ratio, height * ratio];
      }
      return it.getContext("2d")!;
    };
    const left = width / 2 - sight.value.x * field.width * scale;
    const top = height / 2 - sight.value.y * field.height * scale;
    const tile = SIDE * 2 ** level * scale;
    const wanted: TileAt[] = [];
    const [columns, rows] = [Math.ceil(sizeAt(field.width, level) / SIDE), Math.ceil(sizeAt(field.height, level) / SIDE)];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const [x, y] = [left + column * tile, top + row * tile];
        if (x < width && y < height && x + tile > 0 && y + tile > 0) wanted.push({ level, row, column });
      }
    }
    const name = (at: TileAt) => `${at.level}/${at.row}-${at.column}`;
    const paint = () => {
      const it = context();
      it.setTransform(ratio, 0, 0, ratio, 0, 0);
      it.fillStyle = "#000";
      it.fillRect(0, 0, width, height);
      it.imageSmoothingEnabled = scale * ratio < 2;
      for (const at of wanted) {
        const picture = made.current.get(name(at)) ?? stale.current.get(name(at));
        if (!picture) continue;
        const unit = 2 ** level * scale;
        const [x, y] = [left + at.column * tile, top + at.row * tile];
        it.drawImage(picture, x, y, picture.width * unit + 0.5, picture.height * unit + 0.5);
      }
      if (ring) {
        it.strokeStyle = "#fff";
        it.lineWidth = 1.5;
        it.beginPath();
        it.arc(left + ring.x * scale, top + ring.y * scale, Math.max(9, 24 * scale), 0, 2 * Math.PI);
        it.stroke();
      }
      scaleBar(it, { width, height, scale });
      const isWhole = wanted.every((at) => made.current.has(name(at)));
      const on = stains.value.filter((stain) => stain.on).map((stain) => stain.name);
      // What is to be seen, once it is.
      canvas.current!.dataset.shown = isWhole ? [...on, masksOn.value].join(" ").trim() : "";
    };
    const make = async (at: TileAt) => {
      const planes = await Promise.all(shown.map((channel) => plane(field, channel.at, at)));
      const lines = objects >= 0 ? await outline(field, objects, at).catch(() => null) : null;
      const [across, down] = tileSize(field, at);
      const pixels = compose(planes, shown, across * down);
      if (lines) {
        for (let i = 0; i < lines.length; i++) if (lines[i]) pixels.set([255, 255, 255], 4 * i);
      }
      const picture = document.createElement("canvas");
      [picture.width, picture.height] = [across, down];
      picture.getContext("2d")!.putImageData(new ImageData(pixels, across, down), 0, 0);
      return picture;
    };
    paint();
    const failed = (error: Error & { why?: string }) => isWanted && setTrouble(error.why ?? error.message);
    for (const at of wanted) {
      if (made.current.has(name(at))) continue;
      make(at).then((picture) => {
        if (!isWanted) return;
        made.current.set(name(at), picture);
        setTrouble("");
        paint();
      }, failed);
    }
    return () => {
      isWanted = false;
    };
  }, [field, plate, width, waited, stains.value, masksOn.value, sight.value, ring]);

  const zoomBy = (factor: number, [fx, fy]: [number, number] = [0.5, 0.5]) => {
    const now = sight.value;
    const zoom = Math.min(64, Math.max(1, now.zoom * factor));
    const at = (middle: number, f: number) => {
      const spot = middle + (f - 0.5) / now.zoom;
      return Math.min(1, Math.max(0, spot - (f - 0.5) / zoom));
    };
    sight.value = zoom === 1 ? WHOLE : { x: at(now.x, fx), y: at(now.y, fy), zoom };
  };
  const moveBy = (x: number, y: number) => {
    const now = sight.value;
    const held = (value: number) => Math.min(1, Math.max(0, value));
    sight.value = { ...now, x: held(now.x - x / (width * now.zoom)), y: held(now.y - y / (height * now.zoom)) };
  };

  useEffect(() => {
    const it = canvas.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      zoomBy(2 ** (-event.deltaY / 250), [event.offsetX / width, event.offsetY / height]);
    };
    it.addEventListener("wheel", wheel, { passive: false });
    return () => it.removeEventListener("wheel", wheel);
  }, [width, height]);

  const onKey = (event: KeyboardEvent) => {
    const moves: Record<string, () => void> = {
      "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), "0": () => (sight.value = WHOLE),
      ArrowLeft: () => moveBy(30, 0), ArrowRight: () => moveBy(-30, 0),
      ArrowUp: () => moveBy(0, 30), ArrowDown: () => moveBy(0, -30),
    };
    if (!moves[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    moves[event.key]();
  };
  const asPicture = (form: Form) =>
    saveDrawing(title.replace(/[^\w-]+/g, "_"), form, {
      width, height, draw: (context) => context.drawImage(canvas.current!, 0, 0, width, height),
    });
  return (
    <figure class="viewer">
      <div class="sight">
        <canvas
          ref={canvas}
          style={{ height: `${height}px` }}
          tabIndex={0}
          role="application"
          aria-label={`Image: ${title}. Plus and minus zoom, arrow keys move, 0 shows the whole field.`}
          onPointerDown={(event) => canvas.current!.setPointerCapture(event.pointerId)}
          onPointerMove={(event) => event.buttons && moveBy(event.movementX, event.movementY)}
          onDblClick={() => (sight.value = WHOLE)}
          onKeyDown={onKey}
        />
        {trouble && <p class="gone">{trouble}</p>}
      </div>
      <figcaption>
        <span>{title}</span>
        <span class="soft">{field.n_cells ? `${field.n_cells} cells` : ""}</span>
        <Save plain what={`the image of ${title}`} picture={asPicture} />
      </figcaption>
    </figure>
  );
}

/** A round number of micrometres, where the pixel size is known. */
function scaleBar(context: CanvasRenderingContext2D, { width, height, scale }: { width: number; height: number; scale: number }): void {
  const size = theScreen().about.pixel_size_um;
  if (!size) return;
  const most = (width * 0.3 * size) / scale;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((step) => step * power).find((step) => step <= most) ?? power;
  const long = (length / size) * scale;
  context.fillStyle = "#fff";
  context.fillRect(width - 10 - long, height - 12, long, 3);
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "right";
  context.fillText(`${number(length)} µm`, width - 10, height - 17);
}
