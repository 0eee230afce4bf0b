// What changed: groups of features by compartment and family (rows) and stain (columns).
import { useRef } from "preact/hooks";
import { interpolatePuOr } from "d3-scale-chromatic";
import type { Group } from "../data/treatment";
import { treatment } from "../data/treatment";
import { saveCsv, saveSvg } from "../download";
import { number } from "../format";
import { colourBy, selection, theScreen } from "../state";
import { features, wantFeatures } from "../values";
import { Save } from "../saving";
import { useWaited, Waiting } from "../wait";

export function FeaturesView() {
  const { treatment: at } = selection.value;
  const { treatments } = theScreen();
  const waited = useWaited(at, () => (at < 0 ? Promise.reject(new Error("select one treatment")) : treatment(at)));
  if (at < 0) return <p class="empty">Select one treatment: here is what changed in its cells.</p>;
  if (!waited || "missing" in waited) return <Waiting for={waited} what="features" />;
  const { groups, groups_note, features: moved } = waited.found;
  return (
    <div class="view scrolled">
      <h3>{treatments.name[at]}: what changed</h3>
      {groups.length ? (
        <GroupGrid groups={groups} name={`features of treatment ${at}`} />
      ) : (
        <p class="empty">No groups of features were tested.</p>
      )}
      {groups_note && <p class="soft">{groups_note}</p>}
      {moved && moved.length > 0 && <Moved moved={moved} />}
    </div>
  );
}

const dash = (text: string | undefined) => text || "–";

const between = ({ low, high }: Group) => (number(low) && number(high) ? ` (${number(low)} to ${number(high)})` : "");

export function GroupGrid({ groups, name }: { groups: Group[]; name: string }) {
  const svg = useRef<SVGSVGElement>(null);
  const rowOf = (group: Group) => [group.compartment, group.property || group.family].filter(Boolean).join(" · ") || "all";
  const valueOf = (group: Group) => group.effect ?? group.change ?? NaN;
  const rows = [...new Set(groups.map(rowOf))].sort();
  // Single stains first, then pairs, then what is of no stain.
  const rank = (stain: string) => (stain === "–" ? 9 : stain.split("+").length);
  const stains = [...new Set(groups.map((group) => dash(group.stain)))].sort(
    (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
  );
  const most = Math.max(...groups.map((group) => Math.abs(valueOf(group))).filter(Number.isFinite), 1e-9);
  const left = Math.min(220, 10 + 5.6 * Math.max(...rows.map((row) => row.length)));
  const tall = 70;
  const [wide, high] = [Math.max(20, Math.min(64, 330 / stains.length)), 22];
  const asCsv = () =>
    saveCsv(
      `${name}.csv`,
      ["compartment", "family", "property", "stain", "change", "effect", "low", "high", "p adjusted", "called"],
      groups.map((g) => [
        g.compartment, g.family, g.property, g.stain, g.change, g.effect, g.low, g.high, g.p_adjusted, g.called ? "yes" : "no",
      ]),
    );
  return (
    <div class="groups">
      <div class="bar">
        <span class="soft">Purple less, orange more than in controls; ● called. Scale ±{number(most)}.</span>
        <span class="space" />
        <Save what={name} picture={(form) => saveSvg(name, form, svg.current!)} table={asCsv} />
      </div>
      <div class="wide">
        <svg
          ref={svg} class="grid" role="img" aria-label={`Changes of ${groups.length} groups of features`}
          width={left + stains.length * wide + 46} height={tall + rows.length * high + 6}
        >
          {stains.map((stain, i) => (
            <text transform={`translate(${left + (i + 0.6) * wide} ${tall - 8}) rotate(-40)`}>{stain}</text>
          ))}
          {rows.map((row, i) => (
            <text x={left - 6} y={tall + (i + 0.68) * high} text-anchor="end">{row.length > 36 ? `${row.slice(0, 35)}…` : row}<title>{row}</title></text>
          ))}
          {groups.map((group) => {
            const [x, y] = [left + stains.indexOf(dash(group.stain)) * wide, tall + rows.indexOf(rowOf(group)) * high];
            const value = valueOf(group);
            const place = Number.isFinite(value) ? value / most : 0;
            return (
              <g>
                <rect x={x + 1} y={y + 1} width={wide - 2} height={high - 2} rx="2" fill={interpolatePuOr(0.5 + 0.46 * place)}>
                  <title>
                    {group.words ??
                      `${rowOf(group)}, ${dash(group.stain)}: ${number(value)}${between(group)}${number(group.p_adjusted) && `, p ${number(group.p_adjusted)}`}`}
                  </title>
                </rect>
                {group.called && <circle cx={x + wide / 2} cy={y + high / 2} r="3.5" class="called" />}
              </g>
            );
          })}
        </svg>
      </div>
      <ol class="calls">
        {groups.filter((group) => group.called && group.words).slice(0, 6).map((group) => <li>{group.words}</li>)}
      </ol>
    </div>
  );
}

function Moved({ moved }: { moved: { name: string; effect: number }[] }) {
  wantFeatures();
  const byName = new Map((features.value ?? []).map((feature) => [feature.name, feature.id]));
  const asCsv = () => saveCsv("features that moved most.csv", ["feature", "effect"], moved.map((one) => [one.name, one.effect]));
  return (
    <>
      <div class="bar">
        <h4>Features that moved most</h4>
        <span class="space" />
        <Save what="the features that moved most" table={asCsv} />
      </div>
      <table class="plain" aria-label="Features that moved most">
        <tbody>
          {moved.slice(0, 15).map(({ name, effect }) => (
            <tr>
              <td>
                {byName.has(name) ? (
                  <button
                    type="button" class="plain" title="Colour wells by this feature"
                    onClick={() => (colourBy.value = `feature:${byName.get(name)}`)}
                  >
                    {name}
                  </button>
                ) : name}
              </td>
              <td class="number">{number(effect)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
