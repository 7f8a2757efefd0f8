// Keys for the worklist. A page of somebody who has switched them off does not load this.
"use strict";
document.addEventListener("DOMContentLoaded", () => { // htmx, which brings the forms, is there from then on
  const help = document.getElementById("shortcuts");
  const rows = () => [...document.querySelectorAll(".rows > .row")];
  const current = () => document.activeElement.closest(".rows > .row");

  function typing(element) {
    const field = element.closest("input, textarea, select, [contenteditable]");
    return field !== null && !["checkbox", "radio", "button"].includes(field.type);
  }

  function go(steps) {
    const all = rows();
    const at = all.indexOf(current());
    const row = all[at < 0 ? 0 : Math.min(Math.max(at + steps, 0), all.length - 1)];
    row?.focus();
    row?.scrollIntoView({ block: "nearest" });
  }

  const press = (row, selector) => row?.querySelector(selector)?.click();

  // The forms come when they are first asked for.
  function fill(row, field) {
    const more = row?.querySelector("details.more");
    if (!more) return;
    const found = () => more.querySelector(`[id^="${field}-"]`);
    more.open = true;
    if (found()) found().focus();
    else more.addEventListener("htmx:afterSettle", () => found()?.focus(), { once: true });
  }

  const undo = (row) => press(row ?? document, ".notice form button");

  const keys = {
    j: () => go(1),
    k: () => go(-1),
    t: () => press(current(), ".cell-act button[value=take]"),
    s: () => fill(current(), "until"),
    e: () => fill(current(), "pass"),
    u: () => undo(current()),
    "/": () => document.getElementById("words").focus(),
    "?": () => help.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (help.open || typing(event.target)) return;
    if (event.key === "Enter" && event.target.matches(".rows > .row")) press(event.target, "h3 a");
    else if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else return;
    event.preventDefault();
  });

  // A decision is answered with the row as it stands now: whoever was on it stays there.
  let left = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const row = event.detail.target.closest(".rows > .row");
    left = row !== null && row === event.detail.target && row.contains(document.activeElement) ? row.id : null;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (left !== null) document.getElementById(left)?.focus();
    left = null;
  });

  const button = document.getElementById("show-shortcuts");
  button.hidden = false;
  button.addEventListener("click", () => help.showModal());
});
