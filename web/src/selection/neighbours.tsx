// The treatments whose profiles are most alike, with similarity, q and their pictures.
import { signal } from "@preact/signals";
import { treatment as aboutTreatment } from "../data/treatment";
import { saveCsv } from "../download";
import { Thumb } from "../images/thumb";
import { number } from "../format";
import { selectTreatments } from "../select";
import { Save } from "../saving";
import { selection, theScreen } from "../state";
import { useWaited, Waiting } from "../wait";
import { lookedWell } from "./images";

const shown = signal("");

export function Neighbours() {
  const at = selection.value.treatment;
  const { about, treatments } = theScreen();
  const waited = useWaited(at, () => aboutTreatment(at));
  if (!waited || "missing" in waited) return <Waiting for={waited} what="neighbours" />;
  const by = waited.found.neighbours ?? {};
  const names = Object.keys(by).filter((name) => by[name].length);
  if (!names.length) return <p class="empty">No neighbours were computed.</p>;
  const name = names.includes(shown.value) ? shown.value : names.includes(about.lead) ? about.lead : names[0];
  const has = about.images.there;
  const firstWell = (treatment: number) => {
    const wells = Array.from(treatments.wells[treatment]);
    const there = about.images.wells;
    return (there === "all" ? wells[0] : wells.find((well) => there.includes(well))) ?? -1;
  };
  const mechanism = treatments.frame.text("mechanism");
  const own = lookedWell();
  const asCsv = () =>
    saveCsv(
      "neighbours.csv",
      ["treatment", "cosine", "q of its activity", "mechanism"],
      by[name].map((one) => [treatments.name[one.id], one.cosine, one.q, mechanism[one.id]]),
    );
  return (
    <div class="neighbours">
      <div class="bar">
        {names.length > 1 && (
          <select aria-label="Profiles" value={name} onChange={(event) => (shown.value = event.currentTarget.value)}>
            {names.map((one) => (
              <option value={one}>{about.representations.find((r) => r.name === one)?.label ?? one}</option>
            ))}
          </select>
        )}
        <button type="button" onClick={() => selectTreatments([at, ...by[name].map((one) => one.id)])}>Select all</button>
        <span class="space" />
        <Save what="the neighbours" table={asCsv} />
      </div>
      <table aria-label={`Nearest to ${treatments.name[at]}`}>
        <thead>
          <tr>
            {has && <th scope="col"><span class="unseen">Picture</span></th>}
            <th scope="col">Treatment</th>
            <th scope="col" class="number">Cosine</th>
            <th scope="col" class="number" title="q of the neighbour's own activity">q</th>
            <th scope="col">Mechanism</th>
          </tr>
        </thead>
        <tbody>
          {has && own >= 0 && (
            <tr class="own">
              <td><Thumb well={own} title={treatments.name[at]} onClick={() => undefined} /></td>
              <td colSpan={3}><b>{treatments.name[at]}</b> itself</td>
              <td>{mechanism[at]}</td>
            </tr>
          )}
          {by[name].map((one) => (
            <tr>
              {has && (
                <td>
                  {firstWell(one.id) >= 0 && (
                    <Thumb well={firstWell(one.id)} title={treatments.name[one.id]} onClick={() => selectTreatments([one.id])} />
                  )}
                </td>
              )}
              <td>
                <button type="button" class="link" onClick={() => selectTreatments([one.id])}>{treatments.name[one.id]}</button>
                {one.active === false && <span class="soft"> inactive</span>}
              </td>
              <td class="number">{number(one.cosine)}</td>
              <td class="number">{number(one.q)}</td>
              <td>{mechanism[one.id]}{one.same_mechanism ? <span title="The same mechanism"> ✓</span> : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
