// All treatments as a table, of which only the rows in sight are made.
import { computed, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { saveCsv } from "../download";
import { natural, number } from "../format";
import { MARK_COLOURS, markOf, marks } from "../marks";
import { columnNamed, terms } from "../query";
import { Save } from "../saving";
import { clear, selectTreatments, toggleTreatment } from "../select";
import { find, selection, shownColumns, sortBy, theScreen } from "../state";
import { columnLabel, columnOf, shortLabel } from "../values";

const ROW = 30;
const BEYOND = 8;

/** Shown unless a person chooses others. */
function usualColumns(): string[] {
  const { about, treatments } = theScreen();
  const { frame } = treatments;
  const wanted = [`${about.lead}/effect`, `${about.lead}/q`, "cell_count_ratio", "flags", "mechanism"];
  const found = wanted.filter((name) => frame.has(name) && !frame.saysNothing(name));
  if (found.length > 2) return found;
  const also = ["compound", "dose", "target", "n_wells"];
  return [...found, ...also.filter((name) => frame.has(name) && !frame.saysNothing(name))];
}

const columns = computed(() => shownColumns.value ?? usualColumns());
const query = computed(() => terms(find.value));

const order = computed<Int32Array>(() => {
  const { treatments } = theScreen();
  const rows = [];
  for (let i = 0; i < treatments.n; i++) if (query.value.every((term) => term.fits(i))) rows.push(i);
  const [name, falls] = sortBy.value.startsWith("-") ? [sortBy.value.slice(1), true] : [sortBy.value, false];
  const { frame } = treatments;
  if (!name && frame.has("rank")) {
    const rank = frame.number("rank");
    rows.sort((a, b) => (rank[a] < 0 ? 1e9 : rank[a]) - (rank[b] < 0 ? 1e9 : rank[b]) || a - b);
  } else if (name === "mark") {
    const word = (i: number) => markOf("treatment", i)?.mark ?? "~";
    rows.sort((a, b) => (falls ? -1 : 1) * natural(word(a), word(b)) || a - b);
  } else if (frame.has(name) && frame.isNumber(name)) {
    const values = frame.number(name);
    // What has no number comes last, whichever way.
    rows.sort((a, b) => {
      const [x, y] = [values[a], values[b]];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
      return (falls ? y - x : x - y) || a - b;
    });
  } else if (frame.has(name)) {
    const values = frame.text(name);
    rows.sort((a, b) => (falls ? -1 : 1) * natural(values[a], values[b]) || a - b);
  }
  return Int32Array.from(rows);
});

const CHIPS = ["is:active", "is:selected", "is:marked"];
const cursor = signal(-1);

export function TableView() {
  const { treatments } = theScreen();
  const { frame } = treatments;
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [choosing, setChoosing] = useState(false);
  const rows = order.value;
  marks.value;

  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setHeight(entry.contentRect.height));
    watcher.observe(scroller.current!);
    return () => watcher.disconnect();
  }, []);

  // What was selected elsewhere is brought into sight.
  useEffect(() => {
    const treatment = selection.value.treatment;
    const place = treatment >= 0 ? rows.indexOf(treatment) : -1;
    if (place >= 0) bringIntoSight(place);
    cursor.value = place;
  }, [selection.value.treatment, rows]);

  const bringIntoSight = (place: number) => {
    const box = scroller.current!;
    const [from, to] = [box.scrollTop, box.scrollTop + box.clientHeight - ROW];
    if (place * ROW < from) box.scrollTop = place * ROW;
    else if ((place + 1) * ROW > to) box.scrollTop = (place + 1) * ROW - box.clientHeight + ROW;
  };

  const onKey = (event: KeyboardEvent) => {
    const now = cursor.value;
    const page = Math.max(1, Math.floor(height / ROW) - 2);
    const moves: Record<string, number> = {
      ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page,
      Home: 0, End: rows.length - 1, j: now + 1, k: now - 1,
    };
    if (event.key === " " && now >= 0) {
      event.preventDefault();
      return toggleTreatment(rows[now]);
    }
    if (!(event.key in moves) || !rows.length) return;
    event.preventDefault();
    const place = Math.min(rows.length - 1, Math.max(0, moves[event.key]));
    cursor.value = place;
    bringIntoSight(place);
    selectTreatments([rows[place]]);
  };

  const toggleChip = (chip: string) => {
    const words = find.value.split(/\s+/).filter(Boolean);
    find.value = (words.includes(chip) ? words.filter((word) => word !== chip) : [...words, chip]).join(" ");
  };
  const sort = (name: string) => {
    const isNumber = name !== "name" && name !== "mark" && frame.isNumber(name);
    const first = isNumber && columnOf("treatment", name).better !== "lower" && !/(^|\/)(q|p)$/.test(name) ? `-${name}` : name;
    const other = first.startsWith("-") ? name : `-${name}`;
    sortBy.value = sortBy.value === first ? other : sortBy.value === other ? "" : first;
  };
  const shown = (name: string, i: number): string => {
    if (!frame.isNumber(name)) return frame.text(name)[i];
    if (/(^|\/)(active|tested)$/.test(name) || name === "control") return frame.number(name)[i] ? "yes" : "no";
    return number(frame.number(name)[i]);
  };
  const asCsv = () =>
    saveCsv(
      "treatments.csv",
      ["name", ...columns.value, "mark", "note"],
      Array.from(rows, (i) => {
        const mark = markOf("treatment", i);
        const values = columns.value.map((name) => (frame.isNumber(name) ? frame.number(name)[i] : frame.text(name)[i]));
        return [treatments.name[i], ...values, mark?.mark ?? "", mark?.note ?? ""];
      }),
    );

  const first = Math.max(0, Math.floor(top / ROW) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + BEYOND);
  const trouble = query.value.find((term) => term.trouble)?.trouble;
  const heads = ["name", ...columns.value];
  const isNumeric = (name: string) => name !== "name" && frame.isNumber(name);
  const least = (name: string) => (name === "name" ? 132 : isNumeric(name) ? 62 : 70);
  const widthOf = (name: string) =>
    isNumeric(name) ? `${least(name)}px` : `minmax(${least(name)}px, ${name === "name" ? 1.4 : 1}fr)`;
  const template = {
    gridTemplateColumns: ["12px", ...heads.map(widthOf)].join(" "),
    minWidth: `${12 + 16 + heads.reduce((sum, name) => sum + least(name) + 6, 0)}px`,
  };
  const arrow = (name: string) => (sortBy.value === name ? "ascending" : sortBy.value === `-${name}` ? "descending" : "none");
  return (
    <div class="view tableview">
      <div class="bar">
        <input
          id="find"
          type="search"
          placeholder="Search: name, mechanism, q<0.05, effect>2 …"
          aria-label="Search treatments; words, or comparisons such as q<0.05"
          value={find.value}
          onInput={(event) => (find.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown" || event.key === "Enter") {
              event.preventDefault();
              scroller.current?.focus();
              // A name that was written out is meant, though others hold it too.
              const exact = treatments.at.get(find.value.trim());
              if (exact !== undefined && rows.includes(exact)) selectTreatments([exact]);
              else if (rows.length) selectTreatments([rows[0]]);
            }
          }}
        />
        <button type="button" aria-expanded={choosing} onClick={() => setChoosing(!choosing)}>Columns</button>
        <Save what="the rows" table={asCsv} />
      </div>
      <div class="bar">
        {CHIPS.filter((chip) => chip !== "is:active" || columnNamed("active")).map((chip) => (
          <button
            type="button" class="chip" aria-pressed={find.value.split(/\s+/).includes(chip)}
            onClick={() => toggleChip(chip)}
          >
            {chip.slice(3)}
          </button>
        ))}
        <span class="soft count" aria-live="polite">
          {trouble ?? `${rows.length} of ${treatments.n}`}
        </span>
        <span class="space" />
        {(find.value && rows.length > 0) && (
          <button type="button" title="Select all treatments found" onClick={() => selectTreatments(rows)}>Select all</button>
        )}
      </div>
      {choosing && (
        <fieldset class="columns">
          <legend>Columns</legend>
          {frame.names.filter((name) => name !== "name").map((name) => (
            <label title={columnOf("treatment", name).meaning ?? ""}>
              <input
                type="checkbox"
                checked={columns.value.includes(name)}
                onChange={(event) => {
                  const rest = columns.value.filter((one) => one !== name);
                  shownColumns.value = event.currentTarget.checked ? [...rest, name] : rest;
                }}
              />
              {columnLabel(columnOf("treatment", name))}
            </label>
          ))}
        </fieldset>
      )}
      <div
        class="rows"
        ref={scroller}
        role="grid"
        tabIndex={0}
        aria-label="Treatments"
        aria-rowcount={rows.length + 1}
        aria-activedescendant={cursor.value >= 0 ? `row-${rows[cursor.value]}` : undefined}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
        onKeyDown={onKey}
      >
        <div class="row head" role="row" style={template} aria-rowindex={1}>
          <span role="columnheader" aria-label="Mark" aria-sort={arrow("mark") as "none"}>
            <button type="button" class="plain" title="Sort by mark" onClick={() => sort("mark")}>●</button>
          </span>
          {heads.map((name) => {
            const column = columnOf("treatment", name);
            return (
              <span role="columnheader" class={isNumeric(name) ? "number" : ""} aria-sort={arrow(name) as "none"}>
                <button
                  type="button" class="plain"
                  title={[columnLabel(column), column.meaning, "Click to sort"].filter(Boolean).join(". ")}
                  onClick={() => sort(name)}
                >
                  {name === "name" ? "Treatment" : shortLabel(column)}
                  {arrow(name) === "ascending" ? " ▲" : arrow(name) === "descending" ? " ▼" : ""}
                </button>
              </span>
            );
          })}
        </div>
        <div class="sheet" style={{ height: `${rows.length * ROW}px`, minWidth: template.minWidth }}>
          {Array.from({ length: Math.max(0, last - first) }, (_, k) => {
            const place = first + k;
            const i = rows[place];
            const mark = markOf("treatment", i);
            const isOn = selection.value.treatments[i] === 1;
            return (
              <div
                key={i}
                id={`row-${i}`}
                class={`row${isOn ? " on" : ""}${selection.value.treatment === i ? " looked" : ""}`}
                role="row"
                aria-rowindex={place + 2}
                aria-selected={isOn}
                style={{ ...template, transform: `translateY(${place * ROW}px)` }}
                onClick={(event) => {
                  if (event.ctrlKey || event.metaKey) toggleTreatment(i);
                  else if (event.shiftKey && cursor.value >= 0) {
                    const [a, b] = [Math.min(cursor.value, place), Math.max(cursor.value, place)];
                    selectTreatments(rows.slice(a, b + 1));
                  } else if (selection.value.treatment === i && selection.value.well < 0) clear();
                  else selectTreatments([i]);
                }}
              >
                <span role="gridcell" class="mark" title={mark ? `${mark.mark}${mark.note ? `: ${mark.note}` : ""}` : ""}>
                  {mark && <svg width="9" height="9" role="img" aria-label={mark.mark}><circle cx="4.5" cy="4.5" r="4.5" fill={MARK_COLOURS[mark.mark]} /></svg>}
                </span>
                {heads.map((name) => {
                  const text = shown(name, i);
                  return <span role="gridcell" class={isNumeric(name) ? "number" : ""} title={text}>{text}</span>;
                })}
              </div>
            );
          })}
        </div>
        {!rows.length && (
          <p class="empty">
            {treatments.n ? "No treatment fits." : "This screen names no treatments: click a well or a dot to see its images."}
          </p>
        )}
      </div>
    </div>
  );
}
