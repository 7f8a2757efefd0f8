// Draws the course of a patient in every figure that names its address, on the scale that is chosen, as wide as there
// is room. Results are pointed at, or walked through by the arrow keys.
"use strict";

(() => {
  const NARROW = 480, LEAST = 120; // pixels: of the room there is, and of the plot
  const ARROWS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

  htmx.onLoad((part) => part.querySelectorAll("figure[data-chart]").forEach(begin));

  function begin(figure) {
    const place = figure.querySelector(".chart"), scales = figure.querySelector(".scales");
    const isNarrow = () => place.clientWidth < NARROW;
    let spec, embedded, width, narrow, asked = 0, drawn = Promise.resolve();

    async function choose() {
      const mine = ++asked, scale = scales.querySelector(":checked").value;
      const answer = await fetch(`${figure.dataset.chart}?scale=${scale}`).catch(() => null);
      const told = answer?.ok ? await answer.json() : null;
      if (mine !== asked) return; // another scale was chosen meanwhile
      spec = told;
      say(figure, spec, answer?.status);
      drawAgain();
    }

    function drawAgain() {
      drawn = drawn.then(draw); // one after the other: all draw in the same place
    }

    async function draw() {
      embedded?.finalize();
      embedded = null;
      place.replaceChildren();
      if (!spec) return;
      narrow = isNarrow();
      embedded = await vegaEmbed(place, sized(spec, narrow), DRAWING);
      await fit();
      walkable(place);
    }

    // What stands beside the plot (names of lanes, labels) is as wide as its font makes it: drawn, it can be measured.
    async function fit() {
      width = place.clientWidth;
      const beside = Math.ceil(place.querySelector("svg").width.baseVal.value) - embedded.view.width();
      await embedded.view.width(Math.max(width - beside, LEAST)).runAsync();
      uncrowd(place);
    }

    scales.hidden = false;
    scales.addEventListener("change", choose);
    new ResizeObserver(() => {
      if (embedded && place.clientWidth !== width) (isNarrow() === narrow ? fit : drawAgain)();
    }).observe(place);
    choose();
  }

  function say(figure, spec, status) {
    figure.querySelector("figcaption").textContent = spec?.title ?? "Course";
    figure.querySelector("[role=status]").textContent = spec
      ? "Point at a result, or go to the chart and use the arrow keys."
      : status === 404 ? "No result can be drawn on this scale." : "The chart could not be loaded.";
  }

  function sized(spec, narrow) {
    const { title, ...rest } = structuredClone(spec); // the caption says the title
    rest.padding = 0;
    if (narrow) {
      rest.vconcat.forEach((panel) => { panel.width = LEAST; });
      rest.config.axis.labelLimit = 88;
      rest.config.legend.columns = 2;
    }
    return rest;
  }

  // The words of alerts and decisions, as many as there is room for: what is left out is said by their marks.
  function uncrowd(place) {
    const marks = [...place.querySelectorAll(".mark-symbol > path")].filter((mark) => mark.__data__.datum.mark);
    const edge = right(place.querySelector("svg"));
    for (const word of place.querySelectorAll(".mark-text > text")) {
      const { name, word: words } = word.__data__.datum;
      if (!words) continue;
      const after = marks.filter((mark) => mark.__data__.datum.name === name && left(mark) > left(word));
      const free = Math.min(edge, ...after.map(left));
      word.setAttribute("visibility", right(word) < free ? "visible" : "hidden");
    }
  }

  // One stop of the tab key for the whole chart; the arrow keys go along a line and from line to line.
  function walkable(place) {
    const lines = new Map();
    for (const mark of place.querySelectorAll(".mark-symbol > path[aria-label], .mark-rect > path[aria-label]")) {
      const datum = mark.__data__.datum, name = datum.analyte ?? datum.name;
      lines.set(name, [...(lines.get(name) ?? []), mark]);
    }
    const rows = [...lines.values()];
    rows.forEach((row) => row.sort((one, other) => left(one) - left(other)));
    const marks = rows.flat();
    marks.forEach((mark) => mark.setAttribute("tabindex", "-1"));
    marks[0]?.setAttribute("tabindex", "0");

    place.onkeydown = (event) => {
      const line = rows.findIndex((row) => row.includes(event.target));
      if (line < 0) return;
      if (event.key === "Escape") point(event.target, "mouseout");
      const next = reached(rows, line, event);
      if (!next) return;
      event.preventDefault();
      event.target.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    };
    marks.forEach((mark) => {
      mark.addEventListener("focus", () => point(mark, "pointermove"));
      mark.addEventListener("blur", () => point(mark, "mouseout"));
    });
  }

  function reached(rows, line, { key, target }) {
    const row = rows[line];
    if (key === "Home") return row[0];
    if (key === "End") return row.at(-1);
    const [down, right] = ARROWS[key] ?? [0, 0];
    if (right) return row[row.indexOf(target) + right];
    if (!down || !rows[line + down]) return undefined;
    const away = (mark) => Math.abs(left(mark) - left(target));
    return rows[line + down].reduce((best, mark) => (away(mark) < away(best) ? mark : best));
  }

  function left(mark) {
    return mark.getBoundingClientRect().left;
  }

  function right(mark) {
    return mark.getBoundingClientRect().right;
  }

  // What has the focus says what it would say if it were pointed at.
  function point(mark, kind) {
    const box = mark.getBoundingClientRect();
    const [clientX, clientY] = [box.left + box.width / 2, box.top + box.height / 2];
    mark.dispatchEvent(new PointerEvent(kind, { bubbles: true, clientX, clientY }));
  }
})();
