// Which stains are shown, in which colour, how bright: of all pictures at once.
import { count } from "../format";
import { masksOn, resetStains, setStain, stains } from "./stains";

export function StainControls({ objects }: { objects: string[] }) {
  return (
    <details class="stains">
      <summary>
        <span class="dots" aria-hidden="true">
          {stains.value.filter((stain) => stain.on).map((stain) => (
            <svg width="9" height="9"><circle cx="4.5" cy="4.5" r="4.5" fill={stain.colour} /></svg>
          ))}
        </span>
        {count(stains.value.filter((stain) => stain.on).length, "stain")} shown; contrast of the plate's controls
      </summary>
      <div class="list">
        {stains.value.map((stain, at) => (
          <div class="stain">
            <label>
              <input
                type="checkbox" checked={stain.on}
                onChange={(event) => setStain(at, { on: event.currentTarget.checked })}
              />
              {stain.name}
            </label>
            <input
              type="color" aria-label={`Colour of ${stain.name}`} value={stain.colour}
              onInput={(event) => setStain(at, { colour: event.currentTarget.value })}
            />
            <input
              type="range" min="-0.5" max="0.9" step="0.02" aria-label={`${stain.name}: black below`} value={stain.low}
              onInput={(event) => setStain(at, { low: Math.min(Number(event.currentTarget.value), stain.high - 0.05) })}
            />
            <input
              type="range" min="0.1" max="4" step="0.02" aria-label={`${stain.name}: brightest above`} value={stain.high}
              onInput={(event) => setStain(at, { high: Math.max(Number(event.currentTarget.value), stain.low + 0.05) })}
            />
          </div>
        ))}
      </div>
      <div class="bar">
        <button type="button" onClick={resetStains}>As in the controls</button>
        {objects.length > 0 && (
          <label>
            Outlines{" "}
            <select value={masksOn.value} onChange={(event) => (masksOn.value = event.currentTarget.value)}>
              <option value="">none</option>
              {objects.map((object) => <option value={object}>{object}</option>)}
            </select>
          </label>
        )}
      </div>
    </details>
  );
}
