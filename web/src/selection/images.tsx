// Fields of the well looked at, beside a control field of the same plate, under one contrast.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { well as aboutWell, type Field } from "../data/treatment";
import { Gallery } from "../images/crops";
import { StainControls } from "../images/stain_controls";
import { Viewer, WHOLE, type Sight } from "../images/viewer";
import { selectWell } from "../select";
import { enlarged, selection, theScreen } from "../state";
import { useWaited, Waiting } from "../wait";
import { lookedCell } from "./looked";

const sight = signal<Sight>(WHOLE);

/** The well whose pictures are shown: the one clicked, else the treatment's first with pictures. */
export function lookedWell(): number {
  const { about, treatments } = theScreen();
  const { well, treatment } = selection.value;
  if (well >= 0) return well;
  if (treatment < 0) return -1;
  const wells = Array.from(treatments.wells[treatment]);
  const has = about.images.wells;
  return (has === "all" ? wells[0] : (wells.find((one) => has.includes(one)) ?? wells[0])) ?? -1;
}

export function Images() {
  const { about, wells, treatments } = theScreen();
  const well = lookedWell();
  const waited = useWaited(well, () => (well < 0 ? Promise.reject(new Error("no well")) : aboutWell(well)));
  if (!about.images.there) return <p class="empty gone">{about.images.words || "No images."}</p>;
  if (well < 0) return <p class="empty">No well of it is in this screen.</p>;
  if (!waited || "missing" in waited) return <Waiting for={waited} what="images" />;
  const { fields, controls, gone } = waited.found;
  const siblings = wells.treatment[well] >= 0 ? Array.from(treatments.wells[wells.treatment[well]]) : [well];
  return (
    <div class="images">
      {siblings.length > 1 && siblings.length < 60 && (
        <div class="chips" role="group" aria-label="Wells of this treatment">
          {siblings.map((one) => (
            <button type="button" class="chip" aria-pressed={one === well} onClick={() => selectWell(one)}>
              {about.plates.length > 1 ? `${about.plates[wells.plate[one]].name} ` : ""}{wells.name[one]}
            </button>
          ))}
        </div>
      )}
      {gone && <p class="empty gone">{gone}</p>}
      {fields.length > 0 && <Pair key={well} well={well} fields={fields} controls={controls} />}
      {waited.found.crops && <Crops well={well} />}
      {!fields.length && !gone && !waited.found.crops && <p class="empty">This well has no images here.</p>}
    </div>
  );
}

/** Crops of a well, above those of a control well of the same plate. */
function Crops({ well }: { well: number }) {
  const { wells, ofPlate } = theScreen();
  const control = Array.from(ofPlate[wells.plate[well]]).find((one) => wells.control[one] && one !== well);
  return (
    <>
      <StainControls objects={[]} />
      <CropsOf key={well} well={well} label={`Crops of ${wells.name[well]}`} />
      {control !== undefined && (
        <CropsOf key={control} well={control} label={`Control ${wells.name[control]} of the same plate`} />
      )}
    </>
  );
}

const LISTED = 48;

function CropsOf({ well, label }: { well: number; label: string }) {
  const waited = useWaited(well, () => aboutWell(well));
  if (!waited || "missing" in waited) return <Waiting for={waited} what="crops" />;
  const { crops } = waited.found;
  if (!crops) return <p class="empty">{label}: none.</p>;
  return <Gallery list={{ kind: "well", label, path: crops.path, cells: crops.cells }} size={crops.size} most={LISTED} />;
}

function named(field: Field): string {
  const well = field.well === undefined ? "" : ` ${theScreen().wells.name[field.well]}`;
  return `${well} of the same plate`;
}

function Pair({ well, fields, controls }: { well: number; fields: Field[]; controls: Field[] }) {
  const { about, wells } = theScreen();
  const cell = lookedCell.value;
  const ringed = cell && cell.well === well ? fields.findIndex((field) => field.id === cell.field) : -1;
  const [at, setAt] = useState(Math.max(0, ringed));
  const [control, setControl] = useState(0);
  useEffect(() => {
    if (ringed >= 0) setAt(ringed);
  }, [ringed]);
  const field = fields[at] ?? fields[0];
  const isRinged = cell && cell.field === field.id;
  const plate = wells.plate[well];
  return (
    <div class={enlarged.value ? "filling" : ""}>
      <StainControls objects={field.objects} />
      <div class="bar">
        {fields.length > 1 && (
          <label>
            Field{" "}
            <select value={at} onChange={(event) => setAt(Number(event.currentTarget.value))}>
              {fields.map((one, i) => <option value={i}>{one.site || i + 1}</option>)}
            </select>
          </label>
        )}
        {controls.length > 1 && (
          <label>
            Control{" "}
            <select value={control} onChange={(event) => setControl(Number(event.currentTarget.value))}>
              {controls.map((_, i) => <option value={i}>{i + 1} of {controls.length}</option>)}
            </select>
          </label>
        )}
        <span class="space" />
        <button type="button" onClick={() => (sight.value = { ...sight.value, zoom: Math.min(64, sight.value.zoom * 1.5) })} aria-label="Zoom in">+</button>
        <button type="button" onClick={() => (sight.value = { ...sight.value, zoom: Math.max(1, sight.value.zoom / 1.5) })} aria-label="Zoom out">−</button>
        <button type="button" onClick={() => (sight.value = WHOLE)}>Whole</button>
        <button type="button" aria-pressed={enlarged.value} title="Large pictures (e)" onClick={() => (enlarged.value = !enlarged.value)}>
          {enlarged.value ? "Close" : "Large"}
        </button>
      </div>
      <div class="pair">
        <Viewer
          field={field} plate={plate} sight={sight}
          title={`${about.plates[plate].name} ${wells.name[well]}, field ${field.site || at + 1}`}
          ring={isRinged ? cell : null}
        />
        {controls[control] ? (
          <Viewer field={controls[control]} plate={plate} sight={sight} title={`Control${named(controls[control])}`} />
        ) : (
          <p class="empty">No control well of this plate has images.</p>
        )}
      </div>
    </div>
  );
}
