// The events of the timeline as text, for those who read rather than look.

const ROWS = 100;

const LINES = {
  SpeechStarted: () => "speech began",
  SpeechEnded: ({ voiced }) => `speech ended after ${voiced.toFixed(2)} s`,
  Hold: ({ reply }) => `hold: reply ${reply} is silent`,
  Resume: ({ reply, reason }) => `resume: reply ${reply} goes on (${reason})`,
  Commit: ({ epoch, reason }) => `commit: epoch ${epoch} begins (${reason})`,
  BeginReply: ({ reply, continues }) =>
    typeof continues === "number" && `reply ${reply} goes on where reply ${continues} was cut: nobody had said anything`,
  AudioStarted: ({ reply }) => `reply ${reply} is audible`,
  AudioDrained: ({ reply }) => `reply ${reply} was heard to its end`,
  DropReply: ({ reply, reason }) => `reply ${reply} was dropped (${reason})`,
  RecordTurn: ({ text }) => `turn taken: ${text}`,
  RecordOverheard: ({ text }) => `overheard, not answered: ${text}`,
  DiscardTurn: () => "that was no turn",
};

export class Events {
  constructor(list) {
    this.list = list;
  }

  // Another conversation.
  clear() {
    this.list.replaceChildren();
  }

  take(record) {
    const line = LINES[record.event ?? record.effect]?.(record);
    if (!line) return;
    const row = document.createElement("li");
    row.textContent = `${record.t.toFixed(2).padStart(8)}  ${line}`;
    this.list.prepend(row);
    if (this.list.childElementCount > ROWS) {
      this.list.lastElementChild.remove();
    }
  }
}
