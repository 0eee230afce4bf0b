// What the colours mean. A click on a name selects what has it.
import { Missing } from "../data/files";
import { count } from "../format";
import { selectTreatments, selectWells } from "../select";
import { treatmentColours, wellColours } from "../values";

const SHOWN = 12;
const STOPS = 24;

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
