// Where a network looked: the image as it was read, beside what mattered to its answer.
import { useEffect, useRef, useState } from "preact/hooks";
import { interpolateInferno } from "d3-scale-chromatic";
import { bytes, remembered } from "../data/files";
import { treatment as aboutTreatment, type AboutTreatment, type AttributionImage } from "../data/treatment";
import { rgbOf } from "../colours";
import { saveCsv, saveDrawing, type Form } from "../download";
import { number } from "../format";
import { compose, stains } from "../images/stains";
import { Save } from "../saving";
import { selection, theScreen } from "../state";
import { useWaited, Waiting } from "../wait";

const files = remembered(async (path) => new Uint8Array(await bytes(path)), 20);
const HEAT = Array.from({ length: 256 }, (_, i) => rgbOf(interpolateInferno(i / 255)));

type Shown = NonNullable<AboutTreatment["attribution"]>;

export function AttributionOf() {
  const at = selection.value.treatment;
  const waited = useWaited(at, () => aboutTreatment(at));
  if (!waited || "missing" in waited) return <Waiting for={waited} what="attribution" />;
  const found = waited.found.attribution;
  if (!found) return <p class="empty">No attribution was computed for this treatment.</p>;
  return <Pictures shown={found} />;
}

const captionOf = ({ role, plate, well }: AttributionImage) =>
  `${role === "control" ? "Control" : "Treated"}, ${plate} ${well}`;

const APART = 8;
const CAPTION = 18;

function Pictures({ shown }: { shown: Shown }) {
  const waited = useWaited(shown.path, () => files(shown.path));
  const [strength, setStrength] = useState(0.6);
  if (!waited || "missing" in waited) return <Waiting for={waited} what="attribution" />;
  const pixels = waited.found;
  const { treatments } = theScreen();
  const name = `attribution of ${treatments.name[selection.value.treatment] ?? "a treatment"}`.replace(/[^\w-]+/g, "_").slice(0, 80);
  const asPicture = (form: Form) => {
    const side = Math.max(160, shown.size);
    const across = Math.min(4, shown.images.length);
    const step = [side + APART, side + APART + CAPTION];
    const draw = (context: CanvasRenderingContext2D) => {
      context.font = "11px sans-serif";
      shown.images.forEach((image, i) => {
        const [x, y] = [APART + (i % across) * step[0], APART + Math.floor(i / across) * step[1]];
        context.imageSmoothingEnabled = false;
        context.drawImage(painted({ pixels, at: i, shown, strength }), x, y, side, side);
        context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
        context.fillText(captionOf(image), x, y + side + 13);
      });
    };
    const height = Math.ceil(shown.images.length / across) * step[1] + APART;
    saveDrawing(name, form, { width: across * step[0] + APART, height, draw });
  };
  const asCsv = () =>
    saveCsv(
      `${name}.csv`,
      ["compartment", "stain", "enrichment", "low", "high", "p adjusted"],
      (shown.compartments ?? []).map((one) => [one.compartment, one.stain, one.enrichment, one.low, one.high, one.p_adjusted]),
    );
  return (
    <div class="attribution">
      {shown.note && <p class="soft">{shown.note}</p>}
      <div class="bar">
        <label class="overlay">
          Map <input type="range" min="0" max="1" step="0.05" value={strength} onInput={(event) => setStrength(Number(event.currentTarget.value))} />
        </label>
        <span class="scale">
          least
          <svg width="60" height="10" viewBox="0 0 24 1" preserveAspectRatio="none" role="img" aria-label="Colours of the map, from what mattered least to what mattered most">
            {Array.from({ length: 24 }, (_, i) => <rect x={i} width="1.05" height="1" fill={interpolateInferno(i / 23)} />)}
          </svg>
          most
        </span>
        <span class="space" />
        <Save what="what mattered" picture={asPicture} table={shown.compartments?.length ? asCsv : undefined} />
      </div>
      <div class="cells large">
        {shown.images.map((image, i) => (
          <figure>
            <Picture pixels={pixels} at={i} shown={shown} strength={strength} />
            <figcaption>
              {captionOf(image)}
              {image.correct === false && <span class="soft"> (answered wrongly)</span>}
            </figcaption>
          </figure>
        ))}
      </div>
      {shown.compartments && shown.compartments.length > 0 && (
        <table aria-label="Where the network looked">
          <thead><tr><th scope="col">Where</th><th scope="col">Stain</th><th class="number" scope="col">Enrichment</th><th class="number" scope="col">p</th></tr></thead>
          <tbody>
            {shown.compartments.map((one) => (
              <tr>
                <td>{one.compartment}</td>
                <td>{one.stain}</td>
                <td class="number">{number(one.enrichment)} <small>({number(one.low)} to {number(one.high)})</small></td>
                <td class="number">{number(one.p_adjusted)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

interface One {
  pixels: Uint8Array;
  at: number;
  shown: Shown;
  strength: number;
}

function painted({ pixels, at, shown, strength }: One): HTMLCanvasElement {
  const { size } = shown;
  const area = size * size;
  const start = at * (shown.stains.length + 2) * area;
  const plane = (k: number) => pixels.subarray(start + k * area, start + (k + 1) * area);
  const known = shown.stains.map((name, k) => ({ k, stain: stains.value.find((one) => one.name === name) }));
  const on = known.filter(({ stain }) => !stain || stain.on);
  const look = on.map(({ k, stain }) => ({ at: k, rgb: rgbOf(stain?.colour ?? "#ffffff"), low: 0, span: 255 }));
  const out = compose(on.map(({ k }) => plane(k)), look, area);
  const heat = plane(shown.stains.length);
  for (let i = 0; i < area; i++) {
    const weight = (strength * heat[i]) / 255;
    const [r, g, b] = HEAT[heat[i]];
    out[4 * i] = out[4 * i] * (1 - weight) + r * weight;
    out[4 * i + 1] = out[4 * i + 1] * (1 - weight) + g * weight;
    out[4 * i + 2] = out[4 * i + 2] * (1 - weight) + b * weight;
  }
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  canvas.getContext("2d")!.putImageData(new ImageData(out, size, size), 0, 0);
  return canvas;
}

function Picture(one: One) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { pixels, at, shown, strength } = one;
  useEffect(() => {
    canvas.current!.getContext("2d")!.drawImage(painted(one), 0, 0);
  }, [pixels, at, strength, stains.value]);
  return (
    <canvas
      ref={canvas} width={shown.size} height={shown.size} role="img"
      aria-label={`What mattered: ${captionOf(shown.images[at])}`}
    />
  );
}
