// Where the time of an answer went, as a bar of its stages and in words.

// What took the time up to each stage; the same words as in a report.
const TOOK = {
  pause_found: "to find the pause",
  turn_ended: "to decide that the turn is over",
  final_words: "for the final words",
  begun: "until the reply was begun",
  first_token: "for the model's first token",
  first_sentence: "for the first sentence",
  first_audio: "for the first audio",
  pulled: "until the first sample was pulled",
};

const LONGEST = 4; // seconds that fill the room; a longer wait does not get more

// The texts that were typed and are not answered yet: who typed waits from there on, and no record of an answer says so.
export class Typed {
  constructor() {
    this.asked = new Map(); // reply -> when the text that it answers came
  }

  take({ t, reply }) {
    this.asked.set(reply, t);
  }

  clear() {
    this.asked.clear();
  }

  // The record of an answer, with what the wait for it adds to its stages if it answers a text.
  timed(record) {
    const asked = this.asked.get(record.reply);
    this.asked.delete(record.reply);
    const { stages, durations, total } = record;
    if (asked === undefined || typeof total === "number" || typeof stages?.pulled !== "number") return record;
    const begun = Math.max(0, (stages.begun ?? asked) - asked);
    return { ...record, durations: { begun, ...durations }, total: Math.max(0, stages.pulled - asked) };
  }
}

export function stageBar({ durations, total }) {
  const stages = Object.entries(TOOK).filter(([stage]) => typeof durations[stage] === "number");
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.style.width = `${(Math.min(total, LONGEST) / LONGEST) * 100}%`;
  for (const [stage] of stages) {
    const piece = document.createElement("i");
    piece.className = stage;
    piece.style.flexGrow = durations[stage] * 1000; // Shares that add up to less than 1 would not fill the bar.
    bar.append(piece);
  }
  const words = `${ms(total)}: ${stages.map(([stage, took]) => `${ms(durations[stage])} ${took}`).join(", ")}`;
  const figure = document.createElement("span");
  figure.className = "stages";
  figure.title = words;
  figure.setAttribute("role", "img");
  figure.setAttribute("aria-label", words);
  figure.append(bar, `answered after ${total.toFixed(2)} s`);
  return figure;
}

function ms(seconds) {
  return `${Math.round(seconds * 1000)} ms`;
}
