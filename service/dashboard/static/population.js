// Draws the scatter of a population as wide as there is room. What is dragged over fills the form of bounds below,
// which asks for its people.
"use strict";

(() => {
  const LATER = 500; // milliseconds without a movement after which the drag is over
  const BOUNDS = ["enzyme", "bilirubin"];

  htmx.onLoad((part) => part.querySelectorAll("figure[data-scatter]").forEach(begin));

  function begin(figure) {
    const place = figure.querySelector(".chart"), status = figure.querySelector("[role=status]");
    const spec = JSON.parse(figure.dataset.scatter);
    let embedded, width, drawn = Promise.resolve();

    async function draw() {
      if (place.clientWidth === width) return;
      width = place.clientWidth;
      embedded?.finalize();
      embedded = await vegaEmbed(place, { ...spec, width, autosize: { type: "fit-x", contains: "padding" }, padding: 0 }, DRAWING);
      // What is dragged is told by the bounds in the form: nothing for a screen reader to stop at.
      place.querySelectorAll("[class*=brush_brush]").forEach((each) => each.setAttribute("aria-hidden", "true"));
      embedded.view.addSignalListener("brush", (_name, selected) => choose(selected));
    }

    status.textContent = "Drag over a part of it to list its people.";
    new ResizeObserver(() => { drawn = drawn.then(draw); }).observe(place);
  }

  let waiting;

  function choose(selected) {
    if (!BOUNDS.every((name) => selected?.[name])) return;
    const form = document.getElementById("selection");
    for (const name of BOUNDS) {
      const [low, high] = [...selected[name]].sort((one, other) => one - other);
      form.elements[`${name}_from`].value = Number(Math.max(low, 0.001).toPrecision(3));
      form.elements[`${name}_to`].value = Number(high.toPrecision(3));
    }
    clearTimeout(waiting);
    waiting = setTimeout(() => form.requestSubmit(), LATER);
  }
})();
