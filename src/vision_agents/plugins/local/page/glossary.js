// What the words of this page mean: on hover, and as a list.

export const TERMS = {
  speech: "The detector hears somebody speak.",
  hold: "The agent falls silent within a frame, because somebody speaks, and keeps its place: nothing is decided yet.",
  commit: "The decision that it was an interruption: what the agent was saying is gone, and a new epoch begins.",
  resume: "The decision that it was none, as with a cough or an “uh-huh”: the agent goes on where it was cut.",
  epoch: "The number of interruptions so far. Sound that was made in an earlier epoch is never played.",
};

export function explained(list) {
  for (const element of document.querySelectorAll("[data-term]")) {
    element.title = TERMS[element.dataset.term];
  }
  for (const [term, meaning] of Object.entries(TERMS)) {
    const [name, text] = [document.createElement("dt"), document.createElement("dd")];
    name.textContent = term;
    text.textContent = meaning;
    list.append(name, text);
  }
}
