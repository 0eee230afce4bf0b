// Single cells: cut out, in the same colours and contrast as the fields.
import { useEffect, useRef } from "preact/hooks";
import { bytes, remembered } from "../data/files";
import { contrast as plateContrast, type Cell, type CellList, type Contrast } from "../data/treatment";
import { saveCsv, saveDrawing, type Form } from "../download";
import { Save } from "../saving";
import { selectWell } from "../select";
import { theScreen } from "../state";
import { useWaited, Waiting } from "../wait";
import { channels, compose, stains } from "./stains";

const files = remembered(async (path) => new Uint16Array(await bytes(path)), 100);

interface GalleryProps {
  list: CellList;
  size: number;
  onCell?: (cell: Cell) => void;
  /** Which cells have a frame. */
  framed?: (cell: Cell) => boolean;
  /** So many are shown; the rest is counted. */
  most?: number;
}

/** Asks for all the cells of a list at once: they are one file. */
export function Gallery({ list, size, onCell, framed, most = Infinity }: GalleryProps) {
  const waited = useWaited(list.path, () => files(list.path));
  const grid = useRef<HTMLDivElement>(null);
  const { about, wells, treatments } = theScreen();
  const asPicture = (form: Form) => {
    const crops = Array.from(grid.current!.querySelectorAll("canvas"));
    const across = Math.ceil(Math.sqrt(crops.length * 2));
    const step = size + 4;
    saveDrawing(list.label, form, {
      width: across * step + 4,
      height: Math.ceil(crops.length / across) * step + 4,
      draw: (context) =>
        crops.forEach((crop, i) =>
          context.drawImage(crop, 4 + (i % across) * step, 4 + Math.floor(i / across) * step, size, size),
        ),
    });
  };
  const asCsv = () =>
    saveCsv(
      `${list.label}.csv`,
      ["plate", "well", "treatment", "object", "x", "y"],
      list.cells.map(({ well, object, x, y }) => [
        about.plates[wells.plate[well]]?.name, wells.name[well], treatments.name[wells.treatment[well]] ?? "", object, x, y,
      ]),
    );
  return (
    <div class="gallery">
      <div class="bar">
        <h4>{list.label}</h4>
        <span class="space" />
        {list.cells.length > 0 && waited && "found" in waited && <Save plain what={list.label.toLowerCase()} picture={asPicture} table={asCsv} />}
      </div>
      {!waited || "missing" in waited ? (
        <Waiting for={waited} what="pictures of cells" />
      ) : (
        <div class="cells" ref={grid}>
          {list.cells.slice(0, most).map((cell, i) => (
            <Crop key={i} pixels={waited.found} at={i} of={list.cells.length} size={size} cell={cell} onCell={onCell} isFramed={framed?.(cell)} />
          ))}
          {!list.cells.length && <p class="empty">none</p>}
          {list.cells.length > most && <p class="soft">and {list.cells.length - most} more</p>}
        </div>
      )}
    </div>
  );
}

const owns = new WeakMap<Uint16Array, Contrast>();

/** Where a plate's contrast is not at hand: from these very cells, all together. */
function ownContrast(pixels: Uint16Array, stained: number, area: number): Contrast {
  const known = owns.get(pixels);
  if (known) return known;
  const found = Array.from({ length: stained }, (_, stain): [number, number] => {
    const values: number[] = [];
    for (let start = stain * area; start < pixels.length; start += stained * area) {
      for (let i = 0; i < area; i += 7) values.push(pixels[start + i]);
    }
    values.sort((a, b) => a - b);
    return [values[Math.floor(values.length * 0.01)], values[Math.floor(values.length * 0.997)]];
  });
  owns.set(pixels, found);
  return found;
}

interface CropProps {
  pixels: Uint16Array;
  at: number;
  of: number;
  size: number;
  cell: Cell;
  onCell?: (cell: Cell) => void;
  isFramed?: boolean;
}

function Crop({ pixels, at, of, size, cell, onCell, isFramed }: CropProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { about, wells, treatments } = theScreen();
  const plate = wells.plate[cell.well] ?? 0;
  const waited = useWaited(plate, () => plateContrast(plate));
  useEffect(() => {
    if (!waited || "missing" in waited) return;
    const area = size * size;
    const planesOf = pixels.length / of / area;
    const shown = channels(stains.value, waited.found ?? ownContrast(pixels, planesOf, area));
    const start = at * planesOf * area;
    const planes = shown.map((one) => pixels.subarray(start + one.at * area, start + (one.at + 1) * area));
    const image = new ImageData(compose(planes, shown, area), size, size);
    canvas.current!.getContext("2d")!.putImageData(image, 0, 0);
  }, [pixels, at, waited, stains.value]);
  const where = `${about.plates[plate]?.name} ${wells.name[cell.well]}`;
  const name = treatments.name[wells.treatment[cell.well]] ?? wells.role[cell.well];
  return (
    <button
      type="button" class={isFramed ? "cell framed" : "cell"} title={`${name}, ${where}, cell ${cell.object}`}
      onClick={() => (onCell ? onCell(cell) : selectWell(cell.well))}
    >
      <canvas ref={canvas} width={size} height={size} role="img" aria-label={`A cell of ${name}, ${where}`} />
    </button>
  );
}
