// Where a network looked: the image as it was read, beside what mattered to its answer.
import { useEffect, useRef, useState } from "preact/hooks";
import { interpolateInferno } from "d3-scale-chromatic";
import { bytes, remembered } from "../data/files";
import { treatment as aboutTreatment, type AboutTreatment } from "../data/treatment";
import { rgbOf } from "../colours";
import { number } from "../format";
import { compose, stains } from "../images/stains";
import { selection } from "../state";
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

function Pictures({ shown }: { shown: Shown }) {
  const waited = useWaited(shown.path, () => files(shown.path));
  const [strength, setStrength] = useState(0.6);
  if (!waited || "missing" in waited) return <Waiting for={waited} what="attribution" />;
  return (
    <div class="attribution">
      {shown.note && <p class="soft">{shown.note}</p>}
      <label class="bar">
        Overlay <input type="range" min="0" max="1" step="0.05" value={strength} onInput={(event) => setStrength(Number(event.currentTarget.value))} />
      </label>
      <div class="cells large">
        {shown.images.map((image, i) => (
          <figure>
            <Picture pixels={waited.found} at={i} shown={shown} strength={strength} />
            <figcaption>
              {image.role === "control" ? "Control" : "Treated"}, {image.plate} {image.well}
              {image.correct === false && <span class="soft"> (answered wrongly)</span>}
            </figcaption>
          </figure>
        ))}
      </div>
      {shown.compartments && shown.compartments.length > 0 && (
        <table>
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

function Picture({ pixels, at, shown, strength }: { pixels: Uint8Array; at: number; shown: Shown; strength: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { size } = shown;
  useEffect(() => {
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
    canvas.current!.getContext("2d")!.putImageData(new ImageData(out, size, size), 0, 0);
  }, [pixels, at, strength, stains.value]);
  return <canvas ref={canvas} width={size} height={size} role="img" aria-label={`What mattered in a ${shown.images[at].role} image`} />;
}
