// Dose curves: each compound's effect against its dose, the selected ones first.
import { signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { scaleLinear, scaleLog } from "d3-scale";
import { json, remembered } from "../data/files";
import { saveCsv, saveSvg, saveSvgs, type Form } from "../download";
import { count, number } from "../format";
import { selectTreatments } from "../select";
import { selection, theScreen } from "../state";
import { Save } from "../saving";
import { useWaited, Waiting } from "../wait";

interface Point {
  treatment: number;
  dose: number;
  n: number;
  effect: number | null;
  low: number | null;
  high: number | null;
  active: boolean;
  cell_count_ratio: number | null;
}

interface Compound {
  compound: string;
  treatments: number[];
  points: Point[];
  by: Record<string, { benchmark_dose?: number | null; words?: string }>;
}

interface Doses {
  unit: string;
  compounds: Compound[];
}

const doses = remembered((path) => json<Doses>(path));
const wanted = signal("");
const MOST = 60;

export function DosesView() {
  const { about } = theScreen();
  const list = useRef<HTMLDivElement>(null);
  const waited = useWaited(about.stamp, () => (about.dose ? doses("data/dose.json") : Promise.reject(new Error("no compound was given in several doses"))));
  if (!waited || "missing" in waited) return <Waiting for={waited} what="dose curves" />;
  const { unit, compounds } = waited.found;
  const chosen = selection.value;
  const isChosen = (one: Compound) => one.treatments.some((treatment) => chosen.treatments[treatment]);
  const found = compounds.filter((one) => one.compound.toLowerCase().includes(wanted.value.toLowerCase()));
  const shown = [...found.filter(isChosen), ...found.filter((one) => !isChosen(one))].slice(0, MOST);
  const asCsv = () =>
    saveCsv(
      "doses.csv",
      ["compound", `dose (${unit})`, "treatment", "n", "effect", "low", "high", "cell count ratio"],
      found.flatMap((one) =>
        one.points.map((p) => [
          one.compound, p.dose, theScreen().treatments.name[p.treatment], p.n, p.effect, p.low, p.high, p.cell_count_ratio,
        ]),
      ),
    );
  const asPicture = (form: Form) => {
    const drawings = Array.from(list.current!.querySelectorAll("svg"));
    saveSvgs("doses", form, drawings.map((svg, i) => ({ svg, title: shown[i].compound })));
  };
  const top = Math.max(1, ...compounds.flatMap((one) => one.points.map((p) => p.high ?? p.effect ?? 0)));
  const bottom = Math.min(0, ...compounds.flatMap((one) => one.points.map((p) => p.low ?? p.effect ?? 0)));
  return (
    <div class="view">
      <div class="bar">
        <input
          type="search" placeholder="Compound" aria-label="Show compounds whose name holds" class="narrow"
          value={wanted.value} onInput={(event) => (wanted.value = event.currentTarget.value)}
        />
        <span class="soft">
          {count(compounds.length, "compound")}; effect (normalized mAP) with interval, one scale for all
        </span>
        <span class="space" />
        <Save what={`the ${count(shown.length, "curve")} below`} picture={shown.length ? asPicture : undefined} table={asCsv} />
      </div>
      <div class="curves" ref={list}>
        {shown.map((one) => <Curve key={one.compound} one={one} unit={unit} range={[bottom, top]} on={isChosen(one)} />)}
        {found.length > shown.length && <p class="soft">{found.length - shown.length} more: search for them.</p>}
        {!found.length && <p class="empty">No compound is named so.</p>}
      </div>
    </div>
  );
}

const [WIDTH, HEIGHT] = [250, 170];

function Curve({ one, unit, range, on }: { one: Compound; unit: string; range: [number, number]; on: boolean }) {
  const { about } = theScreen();
  const svg = useRef<SVGSVGElement>(null);
  const points = one.points.filter((point) => point.dose > 0 && point.effect !== null).sort((a, b) => a.dose - b.dose);
  const [least, most] = [points[0]?.dose ?? 1, points[points.length - 1]?.dose ?? 10];
  const x = scaleLog([least / 1.3, most * 1.3], [34, WIDTH - 8]);
  const y = scaleLinear(range, [HEIGHT - 30, 8]).nice();
  const line = points.map((p, i) => `${i ? "L" : "M"}${x(p.dose).toFixed(1)},${y(p.effect!).toFixed(1)}`).join("");
  const benchmark = one.by[about.lead]?.benchmark_dose;
  const doses = [...new Set(points.map((point) => point.dose))];
  const ticked = doses.length > 5 ? doses.filter((_, i) => i % Math.ceil(doses.length / 5) === 0) : doses;
  const name = `dose ${one.compound.replace(/[^\w-]+/g, "_").slice(0, 60)}`;
  return (
    <figure class={`curve${on ? " on" : ""}`}>
      <figcaption>
        <button type="button" class="plain" title="Select all its doses" onClick={() => selectTreatments(one.treatments)}>{one.compound}</button>
        <Save plain what={`the curve of ${one.compound}`} picture={(form) => saveSvg(name, form, svg.current!)} />
      </figcaption>
      <svg ref={svg} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${one.compound}: ${one.by[about.lead]?.words ?? `effect at ${points.length} doses`}`}>
        {y.ticks(4).map((tick) => (
          <g>
            <line class="grid" x1="34" x2={WIDTH - 8} y1={y(tick)} y2={y(tick)} />
            <text x="30" y={y(tick) + 3} text-anchor="end">{number(tick)}</text>
          </g>
        ))}
        {ticked.map((dose) => <text x={x(dose)} y={HEIGHT - 16} text-anchor="middle">{number(dose)}</text>)}
        <text x={WIDTH - 8} y={HEIGHT - 3} text-anchor="end">{unit}</text>
        {benchmark && benchmark >= least / 1.3 && benchmark <= most * 1.3 && (
          <line class="benchmark" x1={x(benchmark)} x2={x(benchmark)} y1="8" y2={HEIGHT - 30}>
            <title>{`Dose at which the effect begins: ${number(benchmark)} ${unit}`}</title>
          </line>
        )}
        <path class="curveline" d={line} />
        {!points.length && <text x={WIDTH / 2} y={HEIGHT / 2 - 10} text-anchor="middle">not tested</text>}
        {points.map((p) => (
          <g
            class={`dose${p.active ? " active" : ""}${selection.value.treatment === p.treatment ? " looked" : ""}`}
            onClick={() => selectTreatments([p.treatment])}
          >
            {p.low !== null && p.high !== null && <line x1={x(p.dose)} x2={x(p.dose)} y1={y(p.low)} y2={y(p.high)} />}
            <circle cx={x(p.dose)} cy={y(p.effect!)} r="4.5">
              <title>{`${number(p.dose)} ${unit}: effect ${number(p.effect)}, ${p.n} wells${p.cell_count_ratio === null ? "" : `, cells ${number(p.cell_count_ratio)} of controls`}`}</title>
            </circle>
          </g>
        ))}
      </svg>
      <p class="soft">{one.by[about.lead]?.words ?? ""}</p>
    </figure>
  );
}
