// Who has the floor, as far as the records tell: off, idle, listening, thinking, speaking or held.

export const WORDS = {
  off: ["Not in a call", "Press Talk, ask something, and interrupt the answer."],
  connecting: ["Connecting", ""],
  idle: ["Idle", "Say something."],
  listening: ["Listening", "Go on."],
  thinking: ["Thinking", ""],
  speaking: ["Speaking", "Interrupt whenever you like."],
  held: ["Held", "Silent at once, until it is clear whether you mean it."],
};

export class Floor {
  constructor(changed) {
    this.changed = changed;
    this.inCall = false;
    this.reset();
  }

  reset() {
    this.turns = new Set(); // participants whose turn is open
    this.waiting = new Set(); // participants whose final words are awaited
    this.reply = null; // the reply that is being made or played
    this.audible = false;
    this.held = false;
    this.epoch = 0;
    this.update();
  }

  // A call of this page begins or is over.
  enter(inCall) {
    this.inCall = inCall;
    this.reset();
  }

  take(record) {
    const step = STEPS[record.event ?? record.effect];
    if (step) {
      step(this, record);
      this.update();
    }
  }

  update() {
    const state = this.find();
    if (state !== this.state) {
      this.state = state;
      this.since = performance.now();
      this.changed(state);
    }
  }

  find() {
    if (!this.inCall) return "off";
    if (this.held) return "held";
    if (this.audible) return "speaking";
    if (this.turns.size) return "listening";
    if (this.waiting.size || this.reply !== null) return "thinking";
    return "idle";
  }

  speakingFor() {
    return this.state === "speaking" ? (performance.now() - this.since) / 1000 : 0;
  }

  idleFor() {
    return this.state === "idle" ? (performance.now() - this.since) / 1000 : 0;
  }

  silent() {
    this.reply = null;
    this.audible = this.held = false;
  }
}

function ended(floor, { participant }) {
  floor.turns.delete(participant);
  floor.waiting.delete(participant);
}

function answered(floor, { reply }) {
  floor.waiting.clear();
  floor.reply = reply;
}

const STEPS = {
  BeginTurn: (floor, { participant }) => floor.turns.add(participant),
  FinishTurn: (floor, { participant }) => {
    floor.turns.delete(participant);
    floor.waiting.add(participant);
  },
  // A realtime model answers without having been asked for the words.
  AnnounceTurnEnded: (floor, { participant }) => {
    floor.turns.delete(participant);
    floor.waiting.add(participant);
  },
  RecordTurn: ended,
  DiscardTurn: ended,
  ParticipantLeft: ended,
  BeginReply: answered,
  ReplyStarted: answered,
  AudioStarted: (floor, { reply }) => {
    floor.reply = reply;
    floor.audible = true;
  },
  AudioDrained: (floor, { reply }) => reply === floor.reply && floor.silent(),
  DropReply: (floor, { reply }) => reply === floor.reply && floor.silent(),
  Hold: (floor) => (floor.held = true),
  Resume: (floor) => (floor.held = false),
  Commit: (floor, { epoch }) => {
    floor.silent();
    floor.epoch = epoch;
  },
};
