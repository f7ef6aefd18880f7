"use strict";
(() => {
  const form = document.querySelector("form.filter");
  const words = document.getElementById("words");
  const told = document.getElementById("told");
  const boxes = [...form.querySelectorAll("[name=state]")];
  const KEPT = "moor-filter";

  // node[1-3,7] is written for many hosts, so that the page stays small
  const unfold = (names) => names.split(" ").flatMap((name) => {
    const [, before, ranges, behind] = name.match(/^(.*?)\[([\d,-]+)\](.*)$/) || [];
    if (!ranges) return [name];
    return ranges.split(",").flatMap((range) => {
      const [first, last = first] = range.split("-");
      const count = Number(last) - Number(first) + 1;
      return Array.from({ length: count }, (_, at) => before + String(Number(first) + at).padStart(first.length, "0") + behind);
    });
  });
  const entries = [...document.querySelectorAll("[data-state]")].map((element) => {
    const { state, hosts } = element.dataset;
    const text = element.dataset.words ?? (hosts === undefined ? element.textContent : "");
    return { element, state, text: `${text} ${hosts ? unfold(hosts).join(" ") : ""}`.toLowerCase() };
  });
  const subjects = [...document.querySelectorAll(".finding")].map((element) => [element, [...element.querySelectorAll("[data-state]")]]);

  const more = document.querySelectorAll("details.more");

  const apply = () => {
    const wanted = words.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    const states = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const { element, state, text } of entries) {
      const fits = states.has(state) && (!wanted.length || wanted.some((word) => text.includes(word)));
      if (element.hidden === fits) element.hidden = !fits;
      shown += fits;
    }
    for (const [element, groups] of subjects) element.hidden = groups.every((group) => group.hidden);
    if (shown < entries.length) more.forEach((part) => { part.open = true; });
    told.textContent = shown === entries.length ? "" : `${shown} of ${entries.length} entries shown`;
  };
  // a live page reloads itself, and a filter has to outlast that
  const keep = () => {
    try { sessionStorage.setItem(KEPT, JSON.stringify([words.value, boxes.map((box) => box.checked)])); } catch { /* kept nowhere */ }
  };
  const restore = () => {
    try {
      const [text, checked] = JSON.parse(sessionStorage.getItem(KEPT));
      words.value = text;
      boxes.forEach((box, at) => { box.checked = checked[at]; });
    } catch { /* nothing was kept */ }
  };
  const follow = () => {
    const name = decodeURIComponent(location.hash.slice(1));
    const target = document.getElementById(name);
    if (!target) {
      if (name) told.textContent = "What the link names is not on this page any more.";
      return;
    }
    if (target.closest("details")) target.closest("details").open = true;
    target.querySelectorAll(":scope > details").forEach((part) => { part.open = true; });
    target.scrollIntoView();
  };
  form.hidden = false;
  form.addEventListener("input", () => { apply(); keep(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);
  if (document.querySelector("meta[http-equiv=refresh]")) restore();
  apply();
  follow();
})();
