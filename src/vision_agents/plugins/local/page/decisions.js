// Each time somebody spoke over the agent: what was made of it, and why. Text is only ever set as text.

const ROWS = 20;
const RATE = 48000; // of the samples that were dropped

export class Decisions {
  constructor(list) {
    this.list = list;
    this.reset();
  }

  // Another session has other replies and another zero of time.
  reset() {
    this.holds = new Map(); // reply -> when it was held
    this.rows = []; // {reply, decision, participant, then}: the newest last
  }

  // Another conversation.
  clear() {
    this.reset();
    this.list.replaceChildren();
  }

  take(record) {
    if (record.divider) this.reset();
    else if (record.effect === "Hold") this.holds.set(record.reply, record.t);
    else if (record.effect === "BeginReply") this.begun(record);
    else if (record.note === "InterruptionDecided") this.decided(record);
    else if (record.event === "AudioDrained" || record.effect === "DropReply") this.holds.delete(record.reply);
  }

  decided(record) {
    const { t, reply, decision, participant, reason } = record;
    const held = this.holds.get(reply);
    this.holds.delete(reply);
    const then = element("p", "then");
    const row = element("details", "decision", [
      element("summary", "", [
        element("span", `chip ${decision}`, decision),
        element("span", "why", reason),
        element("span", "figures", figures(record, held)),
      ]),
      votes(record.evidence ?? []),
      element("p", "", [
        element("span", "heard", record.heard || "(nothing heard yet)"),
        " ",
        element(decision === "commit" ? "s" : "span", decision === "commit" ? "unheard" : "coming", record.unheard ?? ""),
      ]),
      element("p", "hint", facts(record)),
    ]);
    const before = this.rows.findLast((other) => other.reply === reply && other.participant === participant);
    if (decision === "commit" && held === undefined && before?.decision === "resume") {
      before.then.textContent = "Became an interruption later, when more was known.";
      then.textContent = "Was taken for none before, when less was known.";
    }
    this.rows = [...this.rows, { reply, decision, participant, then }].slice(-ROWS);
    this.list.prepend(element("li", "", [row, then]));
    if (this.list.childElementCount > ROWS) this.list.lastElementChild.remove();
  }

  // The rest of what was cut off follows: nobody had said anything. What broke off by itself was not cut off.
  begun({ reply, continues }) {
    this.holds.delete(reply);
    const row = this.rows.findLast((each) => each.decision === "commit" && each.reply === continues);
    if (row) row.then.textContent = "Was none: no words came, and the agent goes on with the rest.";
  }
}

function figures({ t, time_to_silence_ms: silence }, held) {
  const parts = [];
  if (typeof silence === "number") parts.push(`silent after ${Math.round(silence)} ms`);
  if (held !== undefined) parts.push(`held ${(t - held).toFixed(2)} s`);
  return parts.join(" · ");
}

function facts({ participant, samples_dropped: dropped }) {
  const who = participant ?? "code";
  return dropped ? `${who} · ${(dropped / RATE).toFixed(2)} s dropped unplayed (${dropped} samples)` : `${who} · nothing dropped`;
}

function votes(evidence) {
  const rows = evidence.map(({ strategy, weight, reason }) =>
    element("tr", "", [
      element("td", "", strategy),
      element("td", weight > 0 ? "for" : weight < 0 ? "against" : "", `${weight < 0 ? "−" : "+"}${Math.abs(weight).toFixed(2)}`),
      element("td", "", reason),
    ]),
  );
  return element("table", "votes", [element("tbody", "", rows)]);
}

function element(name, kind, content = "") {
  const made = document.createElement(name);
  made.className = kind;
  made.append(...[content].flat());
  return made;
}
