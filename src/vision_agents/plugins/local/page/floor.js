// Who has the floor: off, connecting, or what the records say that the agent's floor is.

export const WORDS = {
  off: ["Not in a call", "Press Talk, ask something, and interrupt the answer."],
  connecting: ["Connecting", ""],
  idle: ["Idle", "Say something."],
  listening: ["Listening", "Go on."],
  thinking: ["Thinking", ""],
  speaking: ["Speaking", "Interrupt whenever you like."],
  held: ["Held", "Silent at once, until it is clear whether you mean it."],
};

// The states of the agent's floor that have another name here.
const NAMES = { "user speaking": "listening" };

export class Floor {
  constructor(changed) {
    this.changed = changed;
    this.enter(false);
  }

  // A call of this page begins or is over.
  enter(inCall) {
    this.inCall = inCall;
    this.epoch = 0;
    this.show(inCall ? "idle" : "off");
  }

  // Another session begins.
  reset() {
    this.enter(this.inCall);
  }

  take({ state, effect, epoch }) {
    if (effect === "Commit") this.epoch = epoch;
    if (this.inCall && state) this.show(NAMES[state] ?? state);
  }

  show(state) {
    if (state !== this.state) {
      this.state = state;
      this.since = performance.now();
      this.changed(state);
    }
  }

  speakingFor() {
    return this.state === "speaking" ? (performance.now() - this.since) / 1000 : 0;
  }

  idleFor() {
    return this.state === "idle" ? (performance.now() - this.since) / 1000 : 0;
  }
}
