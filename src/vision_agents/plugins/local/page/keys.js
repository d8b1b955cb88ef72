// By which key the server knows us again after a reload: one of the tab, and one of all tabs of this browser.

const NAME = "caller";

function stores() {
  try {
    return { tab: sessionStorage, browser: localStorage };
  } catch (error) {
    console.info("this browser keeps nothing: after a reload it is somebody else", error);
    return {};
  }
}

export function keys() {
  const known = new URLSearchParams();
  for (const [which, store] of Object.entries(stores())) {
    const key = store.getItem(NAME);
    if (key) known.set(which, key);
  }
  return known;
}

// sole: there is one agent, and whoever comes back by another tab goes on with it.
export function keep(key, sole) {
  stores()[sole ? "browser" : "tab"]?.setItem(NAME, key);
}
