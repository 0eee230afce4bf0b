// The treatment's panel as it is in the report: the one place where HTML comes from the server.
import { panel } from "../data/treatment";
import { selectTreatments, selectWell } from "../select";
import { selection, theScreen } from "../state";
import { useWaited, Waiting } from "../wait";

let isStyled = false;

/** The report's own style; asked for with the first panel. */
function styled(): void {
  if (isStyled) return;
  isStyled = true;
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = "data/panel.css";
  document.head.append(sheet);
}

export function ReportPanel() {
  const at = selection.value.treatment;
  const waited = useWaited(at, () => panel(at));
  if (!waited || "missing" in waited) return <Waiting for={waited} what="panel of the report" />;
  styled();
  const follow = (event: MouseEvent) => {
    const link = (event.target as HTMLElement).closest<HTMLElement>("a[data-treatment], a[data-well]");
    if (!link) return;
    event.preventDefault();
    const { about, wells, treatments, ofPlate } = theScreen();
    const { treatment, plate, well } = link.dataset;
    const found = treatment === undefined ? undefined : (treatments.at.get(treatment) ?? Number(treatment.replace(/^t/, "")));
    if (found !== undefined && treatments.name[found] !== undefined) return selectTreatments([found]);
    const place = about.plates.findIndex((one) => one.name === plate);
    const there = place < 0 ? undefined : ofPlate[place].find((one) => wells.name[one] === well);
    if (there !== undefined) selectWell(there);
  };
  return <div class="reportpanel" onClick={follow} dangerouslySetInnerHTML={{ __html: waited.found }} />;
}
