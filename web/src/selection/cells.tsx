// Cells of a treatment: typical, extreme, beside control cells; those nearest to a clicked one.
import { useState } from "preact/hooks";
import { json, remembered } from "../data/files";
import { treatment as aboutTreatment, type Cell, type CellList } from "../data/treatment";
import { Gallery } from "../images/crops";
import { StainControls } from "../images/stain_controls";
import { selection, theScreen } from "../state";
import { useWaited, Waiting } from "../wait";
import { lookAt } from "./looked";

const nearest = remembered((path) => json<CellList>(path), 50);

export function Cells() {
  const at = selection.value.treatment;
  const { about } = theScreen();
  const waited = useWaited(at, () => aboutTreatment(at));
  const [clicked, setClicked] = useState<Cell | null>(null);
  if (!waited || "missing" in waited) return <Waiting for={waited} what="cells" />;
  const { cells } = waited.found;
  const isKnown = ({ field, object }: Cell) =>
    about.nearest === "all" || about.nearest.some(([of, number]) => of === field && number === object);
  if (!cells) return <p class="empty">No pictures of single cells: {about.images.words || "cells were not cut out"}.</p>;
  return (
    <div class="cellsof">
      <StainControls objects={[]} />
      {cells.lists.map((list) => (
        <Gallery key={list.path} list={list} size={cells.size} onCell={setClicked} framed={about.nearest === "all" ? undefined : isKnown} />
      ))}
      {cells.note && <p class="soft">{cells.note}</p>}
      {clicked && (
        <div class="clicked">
          <div class="bar">
            <b>Cell {clicked.object}</b>
            {about.images.level !== "cell" && <button type="button" onClick={() => lookAt(clicked)}>Show in its field</button>}
          </div>
          {isKnown(clicked) ? (
            <Nearest cell={clicked} size={cells.size} />
          ) : about.mode === "static" ? (
            <p class="soft">A static site knows the nearest cells of the cells with a frame only; phenolens explore answers for every cell.</p>
          ) : null}
        </div>
      )}
      {!clicked && <p class="soft">Click a cell to see {about.images.level === "cell" ? "which it is" : "it in its field"}{about.nearest.length ? ", and the cells most like it" : ""}.</p>}
    </div>
  );
}

function Nearest({ cell, size }: { cell: Cell; size: number }) {
  const path = `data/nearest/f${cell.field}-${cell.object}.json`;
  const waited = useWaited(path, () => nearest(path));
  if (!waited || "missing" in waited) return <Waiting for={waited} what="cells most like it" />;
  return <Gallery list={waited.found} size={size} onCell={lookAt} />;
}
