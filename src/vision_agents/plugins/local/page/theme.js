// Light or dark: as the system has it, or as was chosen.

import { store, stored } from "./storage.js";

export function themed(select, changed) {
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    changed();
  };
  select.value = stored("theme") ?? "";
  show(select.value);
  select.addEventListener("change", () => {
    store("theme", select.value);
    show(select.value);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}
