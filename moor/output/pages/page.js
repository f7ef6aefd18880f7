"use strict";
(() => {
  const form = document.querySelector("form.filter");
  const words = document.getElementById("words");
  const told = document.getElementById("told");
  const entries = [...document.querySelectorAll("[data-state]")];
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    const states = new Set([...form.querySelectorAll("[name=state]:checked")].map((box) => box.value));
    let shown = 0;
    for (const entry of entries) {
      const text = entry.dataset.words.toLowerCase();
      const fits = states.has(entry.dataset.state) && (!wanted.length || wanted.some((word) => text.includes(word)));
      entry.hidden = !fits;
      shown += fits;
    }
    told.textContent = shown === entries.length ? "" : `${shown} of ${entries.length} hosts and findings shown`;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
