// What both sides said. Text comes from models and people: it is only ever set as text.

import { Typed, stageBar } from "./stages.js";

const ROWS = 300;

export class Captions {
  constructor(list) {
    this.list = list;
    this.turns = new Map(); // participant -> the row of the turn that is open
    this.replies = new Map(); // reply -> its row
    this.texts = new Typed();
    this.pinned = true; // the newest is in view, or somebody has scrolled up to read
    list.addEventListener("scroll", () => {
      this.pinned = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    });
    new ResizeObserver(() => this.follow()).observe(list);
  }

  take(record) {
    const { note, effect } = record;
    if (record.divider) this.divide(record.divider);
    else if (note === "UserTranscript") this.userSaid(record);
    else if (note === "AgentTranscript") this.agentSaid(record);
    else if (note === "ResponseRequested") this.typed(record);
    else if (note === "AnswerTimed") this.answerTimed(record);
    else if (effect === "RecordTurn") this.turnTaken(record);
    else if (effect === "DiscardTurn") this.discarded(record);
  }

  // Another agent: the rows stay, nothing is added to them any more.
  close() {
    this.turns.clear();
    this.replies.clear();
    this.texts.clear();
  }

  // Another conversation: what was said before has nothing to do with it.
  clear() {
    this.close();
    this.list.replaceChildren();
  }

  // Another conversation, of which the agent knows nothing of what stands above.
  divide(words) {
    this.close();
    if (!this.list.childElementCount) return;
    const row = document.createElement("li");
    row.className = "divider";
    row.textContent = words;
    this.list.append(row);
    this.follow();
  }

  // All of it as plain text.
  text() {
    return [...this.list.children].map((row) => (row.className === "divider" ? "---" : line(row))).join("\n") + "\n";
  }

  typed(record) {
    this.texts.take(record);
    const { words: place } = this.row("user", "You");
    place.append(record.text, tag("typed"));
    this.follow();
  }

  userSaid({ participant, turn: words, final }) {
    const turn = this.turn(participant);
    turn.row.classList.toggle("partial", !final);
    turn.words.textContent = words;
    this.follow();
  }

  turnTaken({ participant, text }) {
    const turn = this.turn(participant);
    turn.row.classList.remove("partial");
    turn.words.textContent = text;
    this.turns.delete(participant);
    this.follow();
  }

  discarded({ participant }) {
    const turn = this.turns.get(participant);
    if (turn) {
      turn.row.className = "user ignored";
      turn.words.append(tag("not a turn"));
      this.turns.delete(participant);
    }
  }

  agentSaid({ reply, heard, unheard, interrupted, done }) {
    if (!this.replies.has(reply) && !heard && !unheard) return;
    const { words } = this.reply(reply);
    words.replaceChildren(text("span", "heard", heard));
    if (unheard) {
      const cut = interrupted && done;
      if (cut) words.append(text("span", "for-readers", " (never heard:) "));
      words.append(" ", text(cut ? "s" : "span", cut ? "unheard" : "coming", unheard));
    }
    if (interrupted) words.append(tag("interrupted"));
    if (done) this.replies.delete(reply);
    this.follow();
  }

  // Known before the first word of an answer is: its first sample is being played.
  answerTimed(record) {
    const timed = this.texts.timed(record);
    if (typeof timed.total !== "number") return;
    this.reply(record.reply).row.append(stageBar(timed));
    this.follow();
  }

  reply(number) {
    if (!this.replies.has(number)) {
      this.replies.set(number, this.row("agent", "Agent"));
    }
    return this.replies.get(number);
  }

  turn(participant) {
    if (!this.turns.has(participant)) {
      this.turns.set(participant, this.row("user", "You"));
    }
    return this.turns.get(participant);
  }

  row(kind, who) {
    const row = document.createElement("li");
    row.className = kind;
    const words = text("span", "words", "");
    row.append(text("span", "who", who), words);
    this.list.append(row);
    while (this.list.childElementCount > ROWS) {
      this.list.firstElementChild.remove();
    }
    return { row, words };
  }

  follow() {
    if (this.pinned) {
      this.list.scrollTop = this.list.scrollHeight;
    }
  }
}

function text(name, kind, content) {
  const element = document.createElement(name);
  element.className = kind;
  element.textContent = content;
  return element;
}

// The first in the words of a row is what was said or heard; the rest says what became of it.
function line(row) {
  const said = row.querySelector(".words").firstChild?.textContent ?? "";
  const unheard = row.querySelector(".unheard, .coming");
  const notes = [...(unheard ? [`not heard: ${unheard.textContent}`] : []), ...[...row.querySelectorAll(".tag")].map((each) => each.textContent)];
  return `${row.querySelector(".who").textContent}: ${said}${notes.map((note) => ` [${note}]`).join("")}`;
}

function tag(content) {
  return text("span", "tag", content);
}
