// Plates as the microscope saw them, each well in the colour of the chosen values.
import { useEffect, useRef, useState } from "preact/hooks";
import { Missing } from "../data/files";
import { saveCsv, saveDrawing, type Drawing, type Form } from "../download";
import { count, natural, number, rowLetters } from "../format";
import { clear, selectWell, selectWells } from "../select";
import { anySelected, selection, theScreen } from "../state";
import { Save } from "../saving";
import { isDark } from "../theme";
import { wellColours, wellValues } from "../values";
import { ColourChoice } from "./colour_choice";
import { Legend, withLegend } from "./legend";

const MARGIN = { left: 22, top: 15 };

export function PlatesView() {
  const { about, wells, treatments, ofPlate } = theScreen();
  const [width, setWidth] = useState(240);
  const [wanted, setWanted] = useState("");
  const list = useRef<HTMLDivElement>(null);

  // Where no plate in sight holds what was selected elsewhere, the first that does is brought there.
  const chosen = selection.value;
  useEffect(() => {
    const box = list.current!;
    const [from, to] = [box.scrollTop, box.scrollTop + box.clientHeight];
    const holding = Array.from(box.querySelectorAll<HTMLElement>("[data-number]")).filter((plate) =>
      ofPlate[Number(plate.dataset.number)].some((well) => chosen.wells[well] === 1),
    );
    const top = (plate: HTMLElement) => plate.offsetTop - box.offsetTop;
    const isInSight = (plate: HTMLElement) => top(plate) < to - 40 && top(plate) + plate.offsetHeight > from + 40;
    if (holding.length && !holding.some(isInSight)) box.scrollTop = top(holding[0]) - 6;
  }, [chosen]);
  const shown = about.plates
    .map((plate, i) => ({ plate, i }))
    .filter(({ plate }) => `${plate.name} ${plate.batch ?? ""}`.toLowerCase().includes(wanted.toLowerCase()))
    .sort((a, b) => natural(a.plate.name, b.plate.name));
  const asCsv = () => {
    const values = wellValues.value;
    if (!values || values instanceof Missing) return;
    const rows = Array.from({ length: wells.n }, (_, i) => [
      about.plates[wells.plate[i]].name,
      wells.name[i],
      treatments.name[wells.treatment[i]] ?? "",
      wells.role[i],
      values.texts?.[i] ?? values.numbers![i],
    ]);
    saveCsv("plates.csv", ["plate", "well", "treatment", "role", values.label], rows);
  };
  const asPicture = (form: Form) => saveDrawing("plates", form, withLegend(together(shown.map(({ i }) => i)), wellColours.value));
  return (
    <div class="view">
      <div class="bar">
        <ColourChoice />
        {about.plates.length > 3 && (
          <input
            type="search"
            class="narrow"
            placeholder="Plate"
            aria-label="Show plates whose name holds"
            value={wanted}
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        )}
        <label class="zoom">
          <span class="unseen">Size of a plate</span>
          <input
            type="range" min="160" max="1400" step="20" value={width}
            onInput={(event) => setWidth(Number(event.currentTarget.value))}
          />
        </label>
        <Save what={`${count(shown.length, "plate")} with all wells`} picture={asPicture} table={asCsv} />
      </div>
      <div class="plates" ref={list}>
        {shown.map(({ i }) => (
          <PlateMap key={i} number={i} width={width} />
        ))}
        {!shown.length && <p class="empty">No plate is named so.</p>}
      </div>
      <Legend of="wells" />
    </div>
  );
}

function PlateMap({ number: plate, width }: { number: number; width: number }) {
  const { about, wells, treatments, ofPlate } = theScreen();
  const { name, rows, columns } = about.plates[plate];
  const canvas = useRef<HTMLCanvasElement>(null);
  const [seen, setSeen] = useState(false);
  const [hover, setHover] = useState<{ well: number; x: number; y: number } | null>(null);
  const [cursor, setCursor] = useState(-1);
  const side = Math.max(2, Math.floor((width - MARGIN.left) / columns));
  const height = MARGIN.top + side * rows + 2;
  // A plate out of sight does not follow the selection.
  const followed = seen ? [selection.value, wellColours.value, isDark.value] : [];

  useEffect(() => {
    const watcher = new IntersectionObserver(([entry]) => setSeen(entry.isIntersecting), { rootMargin: "200px" });
    watcher.observe(canvas.current!);
    return () => watcher.disconnect();
  }, []);

  useEffect(() => {
    if (!seen) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    [canvas.current!.width, canvas.current!.height] = [(MARGIN.left + side * columns + 2) * ratio, height * ratio];
    const context = canvas.current!.getContext("2d")!;
    context.scale(ratio, ratio);
    draw(context, { plate, side, cursor });
  }, [seen, side, cursor, ...Array.from({ length: 3 }, (_, i) => followed[i])]);

  const wellAt = (event: MouseEvent): number => {
    const box = canvas.current!.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - MARGIN.left) / side);
    const row = Math.floor((event.clientY - box.top - MARGIN.top) / side);
    return at(row, column);
  };
  const at = (row: number, column: number) =>
    Array.from(ofPlate[plate]).find((well) => wells.row[well] === row && wells.column[well] === column) ?? -1;
  const press = useRef<{ x: number; y: number } | null>(null);

  const describe = (well: number) => {
    const values = wellValues.value;
    const known = values && !(values instanceof Missing) ? values : null;
    const value = known ? `\n${known.label}: ${known.texts?.[well] || (known.numbers ? number(known.numbers[well]) : "") || "none"}` : "";
    return `${wells.name[well]}  ${treatments.name[wells.treatment[well]] ?? wells.role[well]}${value}`;
  };
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
    };
    const step = steps[event.key];
    if (step) {
      event.preventDefault();
      const now = cursor >= 0 ? [wells.row[cursor], wells.column[cursor]] : [0, -1];
      let [row, column] = [now[0] + step[0], now[1] + step[1]];
      while (row >= 0 && column >= 0 && row < rows && column < columns) {
        const found = at(row, column);
        if (found >= 0) return setCursor(found);
        [row, column] = [row + (step[0] || 0), column + step[1]];
      }
    } else if ((event.key === "Enter" || event.key === " ") && cursor >= 0) {
      event.preventDefault();
      selectWell(cursor);
    }
  };
  const inBox = (from: { x: number; y: number }, to: { x: number; y: number }) => {
    const box = canvas.current!.getBoundingClientRect();
    const place = (x: number, y: number) =>
      [Math.floor((x - box.left - MARGIN.left) / side), Math.floor((y - box.top - MARGIN.top) / side)] as const;
    const [a, b] = [place(from.x, from.y), place(to.x, to.y)];
    return Array.from(ofPlate[plate]).filter((well) => {
      const [x, y] = [wells.column[well], wells.row[well]];
      return x >= Math.min(a[0], b[0]) && x <= Math.max(a[0], b[0]) && y >= Math.min(a[1], b[1]) && y <= Math.max(a[1], b[1]);
    });
  };
  return (
    <figure class="plate" data-number={plate}>
      <figcaption>
        <button type="button" class="plain" title="Select the whole plate" onClick={() => selectWells(ofPlate[plate])}>{name}</button>
        <Save
          plain what={`plate ${name}`}
          picture={(form) => saveDrawing(`plate ${plate + 1}`, form, withLegend(together([plate]), wellColours.value))}
        />
      </figcaption>
      <canvas
        ref={canvas}
        style={{ width: `${MARGIN.left + side * columns + 2}px`, height: `${height}px` }}
        tabIndex={0}
        role="application"
        aria-label={`Plate ${name}, ${rows} rows, ${columns} columns. Arrow keys move between wells, Enter selects.${cursor >= 0 ? ` ${describe(cursor)}` : ""}`}
        onPointerDown={(event) => (press.current = { x: event.clientX, y: event.clientY })}
        onPointerUp={(event) => {
          const from = press.current;
          press.current = null;
          if (!from) return;
          if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > 6 && event.pointerType === "mouse") {
            return selectWells(inBox(from, { x: event.clientX, y: event.clientY }));
          }
          const well = wellAt(event);
          if (well < 0) clear();
          else selectWell(well);
        }}
        onPointerMove={(event) => {
          const well = wellAt(event);
          setHover(well < 0 ? null : { well, x: event.offsetX, y: event.offsetY });
        }}
        onPointerLeave={() => setHover(null)}
        onKeyDown={onKey}
      />
      {hover && (
        <div class="tip" style={{ left: `${Math.min(hover.x + 14, width - 120)}px`, top: `${hover.y + 34}px` }}>
          {describe(hover.well)}
        </div>
      )}
    </figure>
  );
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const NAMED = 16;

/** Plates in rows, each under its name. */
function together(plates: number[]): Drawing {
  const { about } = theScreen();
  const across = Math.max(1, Math.round(Math.sqrt(plates.length)));
  const most = (of: (plate: { rows: number; columns: number }) => number) =>
    Math.max(1, ...plates.map((plate) => of(about.plates[plate])));
  const columns = most((plate) => plate.columns);
  const side = columns > 24 ? 9 : 16;
  const [wide, high] = [
    MARGIN.left + side * columns + 16,
    NAMED + MARGIN.top + side * most((plate) => plate.rows) + 12,
  ];
  const drawAll = (context: CanvasRenderingContext2D) =>
    plates.forEach((plate, i) => {
      context.save();
      context.translate(4 + (i % across) * wide, 4 + Math.floor(i / across) * high);
      context.fillStyle = css("--ink");
      context.font = "bold 11px sans-serif";
      context.textAlign = "left";
      context.textBaseline = "middle";
      context.fillText(about.plates[plate].name, MARGIN.left, NAMED / 2);
      context.translate(0, NAMED);
      draw(context, { plate, side, cursor: -1 });
      context.restore();
    });
  return { width: across * wide, height: Math.ceil(plates.length / across) * high, draw: drawAll };
}

function draw(
  context: CanvasRenderingContext2D,
  { plate, side, cursor }: { plate: number; side: number; cursor: number },
): void {
  const { about, wells, ofPlate } = theScreen();
  const { rows, columns } = about.plates[plate];
  const [ink, soft, line] = [css("--ink"), css("--soft"), css("--line")];
  const colours = wellColours.value;
  const rgb = colours && !(colours instanceof Missing) ? colours.rgb : null;
  const chosen = selection.value;
  const fades = anySelected.value;
  context.fillStyle = soft;
  context.font = `${Math.min(10, Math.max(7, side))}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const every = side >= 10 ? 1 : side >= 5 ? 2 : 4;
  context.textAlign = "right";
  for (let row = 0; row < rows; row += every) {
    context.fillText(rowLetters(row), MARGIN.left - 4, MARGIN.top + (row + 0.5) * side);
  }
  context.textAlign = "center";
  const between = side >= 16 ? 1 : side >= 9 ? 2 : 6;
  for (let column = 0; column < columns; column += between) {
    context.fillText(String(column + 1), MARGIN.left + (column + 0.5) * side, MARGIN.top - 7);
  }
  const gap = side > 5 ? 1 : 0;
  context.fillStyle = line;
  context.globalAlpha = 0.45;
  context.fillRect(MARGIN.left, MARGIN.top, side * columns, side * rows);
  context.globalAlpha = 1;
  for (const well of ofPlate[plate]) {
    const [x, y] = [MARGIN.left + wells.column[well] * side, MARGIN.top + wells.row[well] * side];
    const c = 3 * well;
    context.globalAlpha = fades && !chosen.wells[well] ? 0.3 : 1;
    context.fillStyle = rgb ? `rgb(${rgb[c]},${rgb[c + 1]},${rgb[c + 2]})` : line;
    context.fillRect(x + gap / 2, y + gap / 2, side - gap, side - gap);
    // Controls carry a dot, whatever the colours say.
    if (wells.control[well] && side >= 9) {
      context.fillStyle = isDark.value ? "#000" : "#fff";
      context.fillRect(x + side / 2 - 1.5, y + side / 2 - 1.5, 3, 3);
    }
  }
  context.globalAlpha = 1;
  for (const well of ofPlate[plate]) {
    const isLooked = well === chosen.well || well === cursor;
    if (!isLooked && !(fades && chosen.wells[well] && side > 4 && chosen.wellCount < 400)) continue;
    context.strokeStyle = ink;
    context.lineWidth = isLooked ? 2.5 : 1.2;
    const [x, y] = [MARGIN.left + wells.column[well] * side, MARGIN.top + wells.row[well] * side];
    context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
  }
}

