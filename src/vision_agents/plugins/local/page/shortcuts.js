// Keys that do what buttons do, wherever nobody types.

// keys: {key: [what it does, for people; run()]}
export function shortcuts(list, keys) {
  for (const [key, [what]] of Object.entries(keys)) {
    const [name, text] = [document.createElement("dt"), document.createElement("dd")];
    name.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    text.textContent = what;
    list.append(name, text);
  }
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    const found = keys[event.key] ?? keys[event.key.toUpperCase()];
    if (!found) return;
    event.preventDefault();
    found[1]();
  });
}

function typing(element) {
  return element instanceof HTMLElement && element.matches("input:not([type=checkbox]), select, textarea");
}
