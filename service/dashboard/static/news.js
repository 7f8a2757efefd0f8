// Tells of changes while somebody looks at the worklist. No row moves under a pointer or the focus: a row that has
// changed is replaced where it stands, once nobody is on it or below it; rows that are new come when asked for.
"use strict";
(() => {
  const news = document.getElementById("news");
  const list = document.querySelector(".rows");
  const changed = new Set(); // alerts of this page that are shown as they were
  const elsewhere = new Set(); // alerts that would be in this list and are not on this page
  let missed = false;
  let timer;

  const rowOf = (id) => document.getElementById(`alert-${id}`);
  const rows = () => [...(list ? list.children : [])];

  const inUse = (row) =>
    row.matches(":hover") || row.contains(document.activeElement) ||
    row.querySelector("details[open], input[name=alert]:checked") !== null;

  // A row of another height would move what stands below it.
  const replaceable = () => {
    const all = rows();
    const lastInUse = all.findLastIndex(inUse);
    return all.slice(lastInUse + 1).map((row) => row.id.replace("alert-", "")).filter((id) => changed.has(id));
  };

  function say() {
    for (const row of rows()) row.classList.toggle("changed", changed.has(row.id.replace("alert-", "")));
    const count = changed.size + elsewhere.size;
    if (!news.dataset.show || (count === 0 && !missed)) {
      news.replaceChildren();
      return;
    }
    const link = document.createElement("a");
    link.href = news.dataset.show;
    link.textContent = missed ? "Much has changed: show it" : count === 1 ? "1 change: show it" : `${count} changes: show them`;
    if (news.textContent !== link.textContent) news.replaceChildren(link);
  }

  // Pages ask at different moments, or all that are open would ask at once.
  function soon(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(replaceRows, milliseconds + Math.random() * milliseconds);
  }

  async function replaceRows() {
    const ids = replaceable();
    if (ids.length === 0) return;
    const address = new URL(news.dataset.rows, location.href);
    for (const id of ids) address.searchParams.append("alert", id);
    const answer = await fetch(address, { headers: { "HX-Request": "true", "Liverwatch-Unattended": "true" } });
    if (answer.status === 401) leave();
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const still = replaceable(); // somebody may have come to a row meanwhile
    for (const id of ids.filter((each) => still.includes(each))) {
      const row = fresh.getElementById(`alert-${id}`);
      changed.delete(id);
      if (row === null) continue;
      rowOf(id).replaceWith(document.adoptNode(row));
      htmx.process(row);
    }
    say();
  }

  function leave() {
    source.close();
    location.assign(news.dataset.show ?? "/");
  }

  const source = new EventSource(`${news.dataset.events}&since=${encodeURIComponent(news.dataset.since)}`);

  source.addEventListener("changed", (event) => {
    const told = JSON.parse(event.data);
    const within = new Set(told.within);
    for (const [id, stamp] of Object.entries(told.changed)) {
      const row = rowOf(id);
      if (row === null) {
        if (within.has(id)) elsewhere.add(id);
        else elsewhere.delete(id);
      } else if (row.dataset.stamp === stamp) {
        changed.delete(id);
      } else {
        changed.add(id);
      }
    }
    missed = missed || told.missed;
    if (news.dataset.show) {
      for (const each of document.querySelectorAll("[data-count]")) each.textContent = told.counts[each.dataset.count];
    }
    say();
    soon(1000);
  });
  source.addEventListener("signed-out", leave);
  source.addEventListener("too-many", () => {
    source.close();
    news.textContent = "Open in many windows: changes are not shown in this one.";
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) news.textContent = "Changes are not shown any more: load the page again.";
  });

  // The row's own decision is answered with the row as it stands now.
  document.addEventListener("htmx:afterSwap", (event) => {
    const row = event.target.closest?.(".row");
    if (row && changed.delete(row.id.replace("alert-", ""))) say();
  });
  for (const left of ["pointerleave", "focusout"]) list?.addEventListener(left, () => soon(150));
  addEventListener("pagehide", () => source.close());
})();
