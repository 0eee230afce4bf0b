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

  // Printing shows everything that is folded away.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
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
