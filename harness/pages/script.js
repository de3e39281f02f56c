
"use strict";
// Sorts and filters tables, and shows speed-ups over another baseline. Everything is readable
// without it; every ratio was computed from blocks when the page was written, none is here.
(() => {
  const data = JSON.parse(document.getElementById("page-data").textContent);
  const tables = [...document.querySelectorAll("table[data-table]")];
  const controls = document.getElementById("controls");
  const NEWS = { faster: "good", slower: "bad", unclear: "doubt" };

  const number = (row, place) => {
    const held = row.cells[place].dataset.v;
    return held === undefined ? null : Number(held);
  };

  // Numbers come before words, and what is absent comes last, whichever way one sorts.
  const order = (place, way) => (a, b) => {
    const [x, y] = [number(a, place), number(b, place)];
    if (x !== null && y !== null) return way * (x - y);
    if (x !== null || y !== null) return x !== null ? -1 : 1;
    const [s, t] = [a.cells[place].textContent, b.cells[place].textContent];
    if ((s === "–") !== (t === "–")) return s === "–" ? 1 : -1;
    return way * s.localeCompare(t, "en", { numeric: true });
  };

  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells].filter((head) => head.dataset.key);
    const body = table.tBodies[0];
    const asPublished = [...body.rows];
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      if (!button.textContent.trim()) button.setAttribute("aria-label", head.dataset.key);
      head.append(button);
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        const now = { ascending: "descending", descending: "" }[was] ?? "ascending";
        if (now) head.setAttribute("aria-sort", now);
        const way = now === "ascending" ? 1 : -1;
        body.append(...(now ? [...asPublished].sort(order(place, way)) : asPublished));
      });
    });
  };

  const chosen = (name) => document.getElementById(name).value;

  const filter = () => {
    const words = chosen("find").toLowerCase().split(/\s+/).filter(Boolean);
    const [model, target] = [chosen("model"), chosen("target")];
    let shown = 0;
    let all = 0;
    for (const row of document.querySelectorAll("table[data-table] > tbody > tr")) {
      const text = row.textContent.toLowerCase();
      const fits =
        (!model || row.dataset.model === model) &&
        (!target || row.dataset.target === target) &&
        words.every((word) => text.includes(word));
      row.hidden = !fits;
      all += 1;
      shown += fits ? 1 : 0;
    }
    document.getElementById("count").textContent =
      shown === all ? `all ${all} rows` : `${shown} of ${all} rows`;
  };

  const placeOf = (table, key) =>
    [...table.tHead.rows[0].cells].findIndex((head) => head.dataset.key === key);

  const write = (cell, text, linked, value) => {
    const link = linked && cell.closest("tr").querySelector("th a");
    if (link) {
      const copy = link.cloneNode(false);
      copy.textContent = text;
      cell.replaceChildren(copy);
    } else {
      cell.textContent = text;
    }
    if (value === null) delete cell.dataset.v;
    else cell.dataset.v = value;
  };

  const published = new Map();
  const restore = (cell) => {
    const held = published.get(cell);
    if (!held) return;
    cell.replaceChildren(...held.nodes);
    cell.className = held.className;
    if (held.value === undefined) delete cell.dataset.v;
    else cell.dataset.v = held.value;
  };
  const remember = (cell) => {
    if (published.has(cell)) return;
    const { className } = cell;
    published.set(cell, { nodes: [...cell.childNodes], className, value: cell.dataset.v });
  };

  const rebase = (table, baseline) => {
    const [speedup, verdict] = [placeOf(table, "speedup"), placeOf(table, "verdict")];
    for (const row of table.tBodies[0].rows) {
      const cells = [row.cells[speedup], row.cells[verdict]];
      cells.forEach(remember);
      cells.forEach(restore);
      const ratios = data.ratios[Number(row.dataset.row)];
      if (!baseline || !ratios) continue;
      const found = Object.hasOwn(ratios, baseline) ? ratios[baseline] : null;
      if (row.dataset.variant === baseline) {
        write(cells[0], "baseline", false, null);
        write(cells[1], "–", false, null);
        cells[1].className = "";
      } else {
        const [text, judged, value] = found ?? ["–", `no ${baseline} here`, null];
        write(cells[0], text, value !== null, value);
        write(cells[1], judged, false, null);
        cells[1].className = NEWS[judged] ?? "";
      }
    }
    document.getElementById("over").textContent = baseline
      ? `speed-ups of the latency table are over ${baseline}, from the same blocks`
      : "";
  };

  tables.forEach(sortable);
  if (!controls) return;
  for (const name of ["find", "model", "target"]) {
    document.getElementById(name).addEventListener("input", filter);
  }
  const baseline = document.getElementById("baseline");
  const rebased = () => {
    const latency = tables.filter((table) => table.dataset.table === "latency");
    latency.forEach((table) => rebase(table, baseline.value));
    filter();
  };
  baseline.addEventListener("input", rebased);
  document.getElementById("reset").addEventListener("click", () => {
    for (const name of ["find", "model", "target", "baseline"]) {
      document.getElementById(name).value = "";
    }
    rebased();
  });
  controls.hidden = false;
  filter();
})();
