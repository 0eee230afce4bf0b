// What the colours mean. A click on a name selects what has it.
import { Missing } from "../data/files";
import type { Colouring } from "../colours";
import type { Drawing } from "../download";
import { count } from "../format";
import { selectTreatments, selectWells } from "../select";
import { treatmentColours, wellColours } from "../values";

const SHOWN = 12;
const STOPS = 24;
const LINE = 18;

/** The legend of a picture that is saved: a scale, or names with their colours in columns. */
export function drawnLegend(colours: Colouring | Missing | null, width: number): Drawing {
  const known = colours && !(colours instanceof Missing) ? colours : null;
  const entries = known?.entries?.slice(0, SHOWN) ?? [];
  const across = Math.max(1, Math.floor((width - 20) / 170));
  const lines = known ? 1 + Math.ceil(entries.length / across) : 0;
  const draw = (context: CanvasRenderingContext2D) => {
    if (!known) return;
    const style = getComputedStyle(document.documentElement);
    const write = (text: string, x: number, y: number) => {
      context.fillStyle = style.getPropertyValue("--ink").trim();
      context.fillText(text, x, y);
    };
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.font = "bold 11px sans-serif";
    write(known.label, 10, LINE / 2);
    const from = 10 + context.measureText(known.label).width + 12;
    context.font = "11px sans-serif";
    if (known.scale) {
      const { text: [low, high], at } = known.scale;
      write(low, from, LINE / 2);
      const begin = from + context.measureText(low).width + 6;
      for (let i = 0; i < STOPS; i++) {
        context.fillStyle = at(i / (STOPS - 1));
        context.fillRect(begin + 5 * i, LINE / 2 - 5, 5.2, 10);
      }
      write(high, begin + 5 * STOPS + 6, LINE / 2);
    }
    entries.forEach((entry, i) => {
      const [x, y] = [10 + (i % across) * 170, LINE * (1.5 + Math.floor(i / across))];
      context.fillStyle = entry.colour;
      context.fillRect(x, y - 5, 10, 10);
      write(entry.name.length > 24 ? `${entry.name.slice(0, 23)}…` : entry.name, x + 15, y);
    });
    const more = (known.entries?.length ?? 0) - entries.length;
    if (more > 0) write(`and ${more} more`, from, LINE / 2);
  };
  return { width, height: lines * LINE, draw };
}

/** A drawing above its legend. */
export function withLegend(drawing: Drawing, colours: Colouring | Missing | null): Drawing {
  const legend = drawnLegend(colours, drawing.width);
  const draw = (context: CanvasRenderingContext2D) => {
    drawing.draw(context);
    context.save();
    context.translate(0, drawing.height);
    legend.draw(context);
    context.restore();
  };
  return { width: drawing.width, height: drawing.height + legend.height, draw };
}

export function Legend({ of, note }: { of: "wells" | "treatments"; note?: string }) {
  const colours = of === "wells" ? wellColours.value : treatmentColours.value;
  if (!colours) return <p class="legend">Reading the values …</p>;
  if (colours instanceof Missing) return <p class="legend">No values: {colours.why}</p>;
  const { scale, entries } = colours;
  const choose = of === "wells" ? selectWells : selectTreatments;
  const notes = [colours.note, note].filter(Boolean).join(". ");
  return (
    <div class="legend">
      {scale && (
        <span class="scale" role="img" aria-label={`${colours.label} from ${scale.text[0]} to ${scale.text[1]}`}>
          <b>{colours.label}</b> {scale.text[0]}
          <svg width="120" height="10" preserveAspectRatio="none" viewBox={`0 0 ${STOPS} 1`} aria-hidden="true">
            {Array.from({ length: STOPS }, (_, i) => (
              <rect x={i} width="1.05" height="1" fill={scale.at(i / (STOPS - 1))} />
            ))}
          </svg>
          {scale.text[1]}
        </span>
      )}
      {entries && <b>{colours.label}</b>}
      {entries?.slice(0, SHOWN).map((entry) => (
        <button
          type="button"
          class="key"
          title={`Select ${count(entry.count, of.slice(0, -1))}`}
          onClick={() => choose(entry.members)}
        >
          <svg width="10" height="10" aria-hidden="true"><circle cx="5" cy="5" r="5" fill={entry.colour} /></svg>
          {entry.name}
        </button>
      ))}
      {entries && !entries.length && <span>none</span>}
      {entries && entries.length > SHOWN && <span>and {entries.length - SHOWN} more</span>}
      {notes && <span class="soft">{notes}</span>}
    </div>
  );
}
