// How every chart is drawn: nothing is evaluated, nothing is loaded, and the page's own sheets have the style.
"use strict";

const DRAWING = {
  mode: "vega-lite", renderer: "svg", actions: false,
  ast: true, // expressions are interpreted: the page lets nothing be evaluated
  defaultStyle: false, tooltip: { disableDefaultStyle: true, theme: "page" }, // chart.css has the style
  loader: { load: () => Promise.reject(new Error("a chart loads nothing")) },
};
