// The figures of a conversation, from its records.

import { Typed } from "./stages.js";

export class Summary {
  // section: shown once there is something. list: of the figures.
  constructor(section, list) {
    this.section = section;
    this.list = list;
    this.clear();
  }

  clear() {
    this.counts = { turns: 0, typed: 0, commit: 0, resume: 0, errors: 0 };
    this.silences = []; // ms
    this.answers = []; // seconds
    this.texts = new Typed();
    this.first = Infinity;
    this.last = -Infinity;
    this.section.hidden = true;
  }

  take(record) {
    if (record.divider) this.clear();
    if (typeof record.t === "number") {
      this.first = Math.min(this.first, record.t);
      this.last = Math.max(this.last, record.t);
    }
    if (record.effect === "RecordTurn") this.counts.turns += 1;
    else if (record.note === "ResponseRequested") this.typed(record);
    else if (record.note === "InterruptionDecided") this.decided(record);
    else if (record.note === "ComponentFailed") this.counts.errors += 1;
    else if (record.note === "AnswerTimed") this.answered(record);
  }

  typed(record) {
    this.counts.typed += 1;
    this.texts.take(record);
  }

  answered(record) {
    const { total } = this.texts.timed(record);
    if (typeof total === "number") this.answers.push(total);
  }

  // What was typed, or that somebody hung up, silences the agent too: nobody has spoken then.
  decided({ participant, decision, time_to_silence_ms: silence }) {
    if (typeof participant !== "string") return;
    this.counts[decision] += 1;
    if (typeof silence === "number") this.silences.push(silence);
  }

  // When a call ends, or somebody wants to know.
  show() {
    if (this.last < this.first) return;
    const { turns, typed, commit, resume, errors } = this.counts;
    const figures = [
      ["length", length(this.last - this.first)],
      ["from you", `${counted(turns, "turn")}${typed ? `, ${counted(typed, "typed text")}` : ""}`],
      ["spoken over", `${counted(commit + resume, "time")}: ${commit} committed, ${resume} resumed`],
      ["silent after", this.silences.length ? `${Math.round(median(this.silences))} ms (median)` : "–"],
      ["answered after", this.answers.length ? `${median(this.answers).toFixed(2)} s (median)` : "–"],
      ...(errors ? [["went wrong", counted(errors, "error")]] : []),
    ];
    this.list.replaceChildren(...figures.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
    this.section.hidden = false;
  }
}

function counted(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function length(seconds) {
  const minutes = Math.floor(seconds / 60);
  return minutes ? `${minutes} min ${Math.round(seconds % 60)} s` : `${seconds.toFixed(1)} s`;
}

function element(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}
