// A group that was lassoed or picked: what is in it, its features, its mechanisms, its pictures.
import { json, remembered, send } from "../data/files";
import type { Group } from "../data/treatment";
import { saveCsv } from "../download";
import { isTooLarge } from "../fragment";
import { count, number } from "../format";
import { Thumb } from "../images/thumb";
import { members, MOST_MARKED, selectTreatments, selectWell } from "../select";
import { selection, theScreen } from "../state";
import { GroupGrid } from "../views/features";
import { useWaited, Waiting } from "../wait";
import { MarkBox } from "./mark_box";

interface AboutGroup {
  n_wells: number;
  n_treatments: number;
  n_plates: number;
  features: { groups: Group[]; note: string };
  mechanisms: {
    rows: { mechanism: string; inside: number; of: number; expected: number; p: number; q: number; treatments: number[] }[];
    note: string;
  };
  fields: number[];
}

const LISTED = 40;
const PICTURED = 24;

export function GroupPanel() {
  const { about, wells, treatments } = theScreen();
  const chosen = selection.value;
  const ofTreatments = members(chosen.treatments);
  const ofWells = members(chosen.wells);
  const asCsv = () =>
    saveCsv(
      "selection.csv",
      ["plate", "well", "treatment", "role"],
      ofWells.map((well) => [
        about.plates[wells.plate[well]].name, wells.name[well], treatments.name[wells.treatment[well]] ?? "", wells.role[well],
      ]),
    );
  const has = about.images.wells;
  const pictured = ofTreatments
    .map((one) => Array.from(treatments.wells[one]).find((well) => chosen.wells[well] && (has === "all" || has.includes(well))))
    .filter((well) => well !== undefined)
    .slice(0, PICTURED);
  return (
    <div class="group">
      <h2>{count(chosen.wellCount, "well")} of {count(ofTreatments.length, "treatment")}</h2>
      <div class="bar">
        <button type="button" onClick={asCsv}>CSV of wells</button>
      </div>
      {ofTreatments.length > 0 && ofTreatments.length <= MOST_MARKED && (
        <MarkBox things={ofTreatments.map((index) => ({ kind: "treatment", index }))} label={`all ${ofTreatments.length} treatments`} />
      )}
      {isTooLarge.value && <p class="soft">So many wells fit into no address: the address of this page does not hold this selection.</p>}
      <p class="names">
        {ofTreatments.slice(0, LISTED).map((one) => (
          <button type="button" class="link" onClick={() => selectTreatments([one])}>{treatments.name[one]}</button>
        ))}
        {ofTreatments.length > LISTED && <span class="soft">and {ofTreatments.length - LISTED} more</span>}
      </p>
      {about.images.there && pictured.length > 0 && (
        <section>
          <h3>Montage</h3>
          <div class="montage">
            {pictured.map((well) => (
              <figure>
                <Thumb well={well} title={treatments.name[wells.treatment[well]]} onClick={() => selectWell(well)} />
                <figcaption>{treatments.name[wells.treatment[well]]}</figcaption>
              </figure>
            ))}
          </div>
        </section>
      )}
      {about.mode === "served" ? <Asked wells={ofWells} /> : <Foreseen treatments={ofTreatments} />}
    </div>
  );
}

function Asked({ wells }: { wells: number[] }) {
  const waited = useWaited(selection.value, () => send<AboutGroup>("POST", "api/group", { wells }));
  if (!waited || "missing" in waited) return <Waiting for={waited} what="what they have in common" />;
  return <InCommon {...waited.found} />;
}

interface Known {
  path: string;
  kind: "mechanism" | "cluster" | "neighbourhood";
  name: string;
  treatments: number[];
}

const known = remembered((path) => json<Known[]>(path));
const answers = remembered((path) => json<AboutGroup>(path), 50);

/** A static site has the answers of some groups. */
function Foreseen({ treatments }: { treatments: number[] }) {
  const chosen = selection.value;
  const waited = useWaited("groups", () => known("data/groups.json"));
  const groups = waited && "found" in waited ? waited.found : [];
  const isWhole = chosen.wellCount === treatments.reduce((sum, one) => sum + theScreen().treatments.wells[one].length, 0);
  const same = ({ treatments: its }: Known) => its.length === treatments.length && its.every((one) => chosen.treatments[one]);
  const found = isWhole ? groups.find(same) : undefined;
  const answer = useWaited(found?.path ?? "", () => (found ? answers(found.path) : Promise.reject(new Error("not in this export"))));
  if (!waited || "missing" in waited) return <Waiting for={waited} what="groups" />;
  if (found) {
    if (!answer || "missing" in answer) return <Waiting for={answer} what="what they have in common" />;
    return <InCommon {...answer.found} />;
  }
  const kinds = [...new Set(groups.map((group) => group.kind))];
  return (
    <section>
      <p class="soft">What any selection has in common is computed by phenolens explore. A static site answers for these groups only:</p>
      {kinds.map((kind) => (
        <p class="names">
          <b>{KINDS[kind]}</b>
          {groups.filter((group) => group.kind === kind).map((group) => (
            <button type="button" class="link" onClick={() => selectTreatments(group.treatments)}>{group.name}</button>
          ))}
        </p>
      ))}
      {!groups.length && <p class="soft">none.</p>}
    </section>
  );
}

const KINDS = { mechanism: "Mechanisms", cluster: "Clusters", neighbourhood: "With its nearest neighbours" };

function InCommon({ features, mechanisms }: AboutGroup) {
  const { treatments } = theScreen();
  return (
    <>
      <section>
        <h3>Mechanisms</h3>
        {mechanisms.rows.length > 0 && (
          <table aria-label="Mechanisms in the selection">
            <thead>
              <tr>
                <th scope="col">Mechanism</th>
                <th scope="col" class="number">Inside</th>
                <th scope="col" class="number">Expected</th>
                <th scope="col" class="number">q</th>
              </tr>
            </thead>
            <tbody>
              {mechanisms.rows.slice(0, 15).map((row) => (
                <tr>
                  <td><button type="button" class="link" onClick={() => selectTreatments(row.treatments)}>{row.mechanism}</button></td>
                  <td class="number">{row.inside} of {row.of}</td>
                  <td class="number">{number(row.expected)}</td>
                  <td class="number">{number(row.q)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <p class="soft">{mechanisms.note || (treatments.n ? "" : "none")}</p>
      </section>
      <section>
        <h3>Features</h3>
        {features.groups.length > 0 && <GroupGrid groups={features.groups} name="features of the group" />}
        <p class="soft">{features.note}</p>
      </section>
    </>
  );
}
