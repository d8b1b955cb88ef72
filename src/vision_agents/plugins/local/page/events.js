// The events of the timeline as text, for those who read rather than look.

const ROWS = 100;

const LINES = {
  // People.
  SpeechStarted: () => "speech began",
  SpeechEnded: ({ voiced }) => `speech ended after ${voiced.toFixed(2)} s`,
  AnnounceTurnStarted: () => "a turn began",
  AnnounceTurnEnded: () => "the turn is over",
  RecordTurn: ({ text }) => `turn taken: ${text}`,
  RecordOverheard: ({ text }) => `overheard, not answered: ${text}`,
  DiscardTurn: () => "that was no turn",
  AnnounceNoWords: () => "somebody spoke, and nothing was understood",
  AnnounceUserAway: ({ silence }) => `nobody has said anything for ${silence.toFixed(0)} s`,
  AnnounceUserBack: () => "somebody says something again",
  ParticipantLeft: () => "somebody left",
  // Interruptions.
  Hold: ({ reply }) => `hold: reply ${reply} is silent`,
  Resume: ({ reply, reason }) => `resume: reply ${reply} goes on (${reason})`,
  Commit: ({ epoch, reason }) => `commit: epoch ${epoch} begins (${reason})`,
  // Replies.
  BeginReply: begun,
  AudioStarted: ({ reply }) => `reply ${reply} is audible`,
  AudioDrained: ({ reply }) => `reply ${reply} was heard to its end`,
  InsertSpeech: ({ within }) => `reply ${within} says what a function wants said`,
  DropReply: ({ reply, reason }) => `reply ${reply} was dropped (${reason})`,
  ReplyFailed: ({ reply }) => `reply ${reply} could not be made`,
  AnswerLost: ({ reply }) => `the model has lost ${reply ? `reply ${reply}` : "an answer that had not begun"}`,
  AnnounceFailure: ({ reply, reason }) => `${reply ? `reply ${reply}` : "an answer"} is given up: ${reason}`,
  ComponentFailed: ({ component, error }) => `${component} failed: ${error}`,
  // Functions.
  FunctionStarted: ({ reply }) => `a function runs${reply ? ` for reply ${reply}` : ""}`,
  FunctionEnded: () => "a function is done",
  FunctionFound: () => "a function is done that nobody waited for: it is told",
  CallsWait: ({ count }) => count > 0 && "a function waits until it is certain that it is wanted",
};

function begun({ reply, continues, news, filler }) {
  if (filler) return `reply ${reply} says: ${filler}`;
  if (news) return `reply ${reply} tells what a function found`;
  if (continues) return `reply ${reply} goes on where reply ${continues} was cut off`;
  return continues === 0 && `reply ${reply}: the model is asked for the answer that it owes`;
}

export class Events {
  constructor(list) {
    this.list = list;
  }

  // Another conversation.
  clear() {
    this.list.replaceChildren();
  }

  take(record) {
    const line = LINES[record.event ?? record.effect ?? record.note]?.(record);
    if (!line) return;
    const row = document.createElement("li");
    row.textContent = `${record.t.toFixed(2).padStart(8)}  ${line}`;
    this.list.prepend(row);
    if (this.list.childElementCount > ROWS) {
      this.list.lastElementChild.remove();
    }
  }
}
