// By which key the server knows us again after a reload: one of the tab, and one of all tabs of this browser.

import { store, stored } from "./storage.js";

const NAME = "caller";

export function keys() {
  const known = new URLSearchParams();
  for (const which of ["tab", "browser"]) {
    const key = stored(NAME, { tab: which === "tab" });
    if (key) known.set(which, key);
  }
  return known;
}

// sole: there is one agent, and whoever comes back by another tab goes on with it.
export function keep(key, sole) {
  store(NAME, key, { tab: !sole });
}
