"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Tabs: without this script every panel is simply shown, one below the other.
  for (const box of all(".tabs")) {
    const panels = all(":scope > .tab", box);
    const list = document.createElement("div");
    list.className = "tablist";
    list.setAttribute("role", "tablist");
    const buttons = panels.map((panel, i) => {
      const button = document.createElement("button");
      panel.id = `${box.dataset.tabs}-panel-${i}`;
      button.id = `${box.dataset.tabs}-tab-${i}`;
      button.type = "button";
      button.textContent = panel.dataset.label;
      button.setAttribute("role", "tab");
      button.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", button.id);
      list.append(button);
      return button;
    });
    const show = (chosen) => buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === chosen));
      button.tabIndex = i === chosen ? 0 : -1;
      panels[i].classList.toggle("off", i !== chosen);
    });
    buttons.forEach((button, i) => {
      button.addEventListener("click", () => show(i));
      button.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const next = (i + step + buttons.length) % buttons.length;
        show(next);
        buttons[next].focus();
      });
    });
    box.prepend(list);
    show(0);
  }

  // Sorting: a click on a heading sorts by it, a second one turns the order round.
  for (const table of all("table.sortable")) {
    const heads = all("thead th", table);
    heads.forEach((head, column) => {
      if (!head.dataset.kind) return;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = all("tbody tr", table);
        rows.sort((a, b) => compare(a, b, column, head.dataset.kind, up));
        table.tBodies[0].append(...rows);
      });
    });
  }

  function compare(a, b, column, kind, up) {
    const [x, y] = [a, b].map((row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim());
    if ((x === "") !== (y === "")) return x === "" ? 1 : -1;
    const order = kind === "number" ? Number(x) - Number(y) : x.localeCompare(y, "en", { numeric: true });
    return up ? order : -order;
  }

  // Filters of the table of treatments.
  for (const form of all("form.filters")) {
    const rows = all("tbody tr", document.getElementById(form.dataset.filters));
    const count = form.querySelector("output");
    const apply = () => {
      const text = form.elements.text.value.trim().toLowerCase();
      const mechanism = form.elements.mechanism?.value ?? "";
      let shown = 0;
      for (const row of rows) {
        const hidden = (text && !row.textContent.toLowerCase().includes(text))
          || (mechanism && row.dataset.mechanism !== mechanism)
          || (form.elements.active.checked && row.dataset.active !== "1")
          || (form.elements.kept?.checked && row.dataset.lost === "1");
        row.hidden = Boolean(hidden);
        shown += hidden ? 0 : 1;
      }
      count.textContent = shown === rows.length ? `${rows.length} treatments` : `${shown} of ${rows.length} treatments`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    apply();
  }

  // Panels of treatments open over the page. Without this script they unfold where they stand.
  const panels = new Map(all(".panels .panel").map((panel) => [panel.id, panel]));
  const sheet = document.createElement("dialog");
  sheet.className = "over";
  sheet.innerHTML = `<header><button type="button" data-step="-1">← Previous</button><button type="button" data-step="1">Next →</button><button type="button" data-step="0">Close ✕</button></header><div class="inside"></div>`;
  sheet.setAttribute("aria-label", "Treatment");
  document.body.append(sheet);
  const inside = sheet.querySelector(".inside");
  const order = [...panels.keys()];
  let home = null;
  const putBack = () => {
    if (!home) return;
    home.replaceWith(inside.firstElementChild);
    home = null;
  };
  const shown = () => inside.firstElementChild?.id;
  const open = (id) => {
    putBack();
    const panel = panels.get(id);
    home = document.createComment("shown above");
    panel.replaceWith(home);
    inside.append(panel);
    sheet.setAttribute("aria-labelledby", `${id}-name`);
    if (!sheet.open) sheet.showModal();
    inside.scrollTop = 0;
    (panel.querySelector("h4") ?? panel).focus({ preventScroll: true });
  };
  const follow = () => {
    const id = location.hash.slice(1);
    if (panels.has(id)) open(id);
    else if (sheet.open) sheet.close();
  };
  sheet.addEventListener("close", () => {
    const was = shown();
    putBack();
    if (location.hash.slice(1) === was) history.replaceState(null, "", "#hits");
  });
  sheet.addEventListener("click", (event) => {
    const step = event.target.dataset?.step;
    if (event.target === sheet || step === "0") sheet.close();
    else if (step) location.hash = order[(order.indexOf(shown()) + Number(step) + order.length) % order.length];
  });
  addEventListener("hashchange", follow);

  // Marks of figures: pointing at one names it, and a click leads to the panel of its treatment.
  const known = JSON.parse(document.getElementById("marks").textContent);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  document.body.append(tip);
  const REACH = 12;
  const figures = [];
  for (const drawn of all("[data-marks]")) {
    const map = known.maps[Number(drawn.dataset.marks)];
    const picture = drawn.querySelector("img");
    const wide = Number(picture.getAttribute("width")); // as drawn; picture.width is as shown
    const marks = [];
    for (const [dx, dy] of map.shifts) {
      for (let i = 0; i < map.at.length; i += 3) {
        const well = map.of === "wells" ? known.wells[map.at[i + 2]] : null;
        const number = well ? well[2] : map.at[i + 2];
        const [name, anchor] = known.treatments[number] ?? ["", ""];
        const text = well ? `${name || "no treatment"} · ${well[0]} ${well[1]}` : name;
        marks.push({ x: map.at[i] + dx, y: map.at[i + 1] + dy, text, anchor, well });
      }
    }
    const first = marks.length / map.shifts.length;
    const ring = document.createElement("span");
    ring.className = "ring";
    drawn.append(ring);
    drawn.tabIndex = 0;
    drawn.setAttribute("role", "group");
    drawn.setAttribute("aria-label", `Figure with ${first} marks: arrow keys go from one to the next, Enter opens its treatment`);
    const point = (found) => {
      const box = picture.getBoundingClientRect();
      const scale = box.width / wide;
      const at = found[0];
      const texts = [...new Set(found.map((mark) => mark.text))];
      tip.textContent = texts.slice(0, 8).join("\n") + (texts.length > 8 ? `\nand ${texts.length - 8} more` : "");
      tip.classList.add("on");
      const [x, y] = [box.left + at.x * scale, box.top + at.y * scale];
      tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - tip.offsetWidth - 8))}px`;
      tip.style.top = `${y + 16 + tip.offsetHeight > innerHeight ? y - tip.offsetHeight - 12 : y + 16}px`;
      const own = drawn.getBoundingClientRect();
      ring.style.left = `${x - own.left}px`;
      ring.style.top = `${y - own.top}px`;
      ring.classList.add("on");
      drawn.style.cursor = at.anchor ? "pointer" : "default";
    };
    const leave = () => {
      tip.classList.remove("on");
      ring.classList.remove("on");
      drawn.style.cursor = "";
    };
    const near = (event) => {
      const box = picture.getBoundingClientRect();
      const scale = box.width / wide;
      const [x, y] = [(event.clientX - box.left) / scale, (event.clientY - box.top) / scale];
      const far = (mark) => Math.hypot(mark.x - x, mark.y - y);
      if (map.of === "matrix") {
        const closest = (off) => marks.reduce((a, b) => (off(b) < off(a) ? b : a));
        const row = closest((mark) => Math.abs(mark.y - y));
        const column = closest((mark) => Math.abs(mark.x - x));
        const gap = marks.length > 1 ? Math.abs(marks[1].x - marks[0].x) : REACH;
        if (Math.abs(row.y - y) > gap || Math.abs(column.x - x) > gap) return [];
        const text = row === column ? row.text : `${row.text} beside ${column.text}`;
        return [{ ...row, x: column.x, text }];
      }
      let best = null;
      for (const mark of marks) if (!best || far(mark) < far(best)) best = mark;
      if (!best || far(best) > Math.max(REACH, REACH / scale)) return [];
      return [best, ...marks.filter((mark) => mark !== best && Math.hypot(mark.x - best.x, mark.y - best.y) < 3)];
    };
    const go = (mark) => { if (mark?.anchor) location.hash = mark.anchor; };
    drawn.addEventListener("pointermove", (event) => {
      const found = near(event);
      if (found.length) point(found); else leave();
    });
    drawn.addEventListener("pointerleave", leave);
    drawn.addEventListener("click", (event) => go(near(event)[0]));
    let place = -1;
    drawn.addEventListener("blur", leave);
    drawn.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) {
        place = (place + step + first) % first;
        point([marks[place]]);
        event.preventDefault();
      } else if (event.key === "Enter") go(marks[place]);
    });
    figures.push({ drawn, marks, point });
  }

  // A well named in a panel is pointed at on its plate.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-plate]");
    if (!link) return;
    if (sheet.open) sheet.close();
    const { plate, well } = link.dataset;
    const mine = (mark) => mark.well?.[0] === plate && (!well || mark.well[1] === well);
    const shows = figures.find(({ drawn, marks }) => drawn.closest("#plates") && drawn.offsetParent && marks.some(mine));
    if (!shows) return;
    event.preventDefault();
    history.pushState(null, "", "#plates");
    shows.drawn.scrollIntoView({ block: "center", behavior: "instant" });
    shows.point(shows.marks.filter(mine));
  });

  // What is folded around a target opens.
  const unfold = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let part = target?.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  };
  addEventListener("hashchange", () => { if (!panels.has(location.hash.slice(1))) unfold(); });
  if (panels.has(location.hash.slice(1))) follow(); else unfold();

  // Printing shows everything that is folded away, but for the panels of treatments.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])").filter((part) => !part.closest(".panels"));
    closed.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));

  // The section in view is marked in the list of sections.
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  all("section.part").forEach((part) => seen.observe(part));
})();
