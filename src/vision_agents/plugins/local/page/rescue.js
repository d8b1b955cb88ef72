// Whose agent is gone in mid-call goes on with another one, which knows what was said.

// A call that went on for so long was not ended by what was said before it: it may be called again, too.
const WHILE_MS = 60_000;

const CUT = "The connection was cut off";

export class Rescue {
  // say(text): to whoever is on the page.
  constructor(say) {
    this.say = say;
    this.reset();
  }

  // Somebody pressed a button: what happens now is what they want.
  reset() {
    this.tried = false;
    this.call = null;
    this.since = Infinity;
  }

  // The call is there, or there again.
  connected() {
    this.since = Date.now();
  }

  // The agent is gone. call(fresh, patient): calls again, as before. Returns false if that was tried just before:
  // perhaps it is what was said that ends agents.
  now(call, text) {
    this.#ended();
    if (this.tried) return false;
    this.tried = true;
    call(false, true);
    this.say(text);
    return true;
  }

  // The server is gone: the same once it is there.
  later(call) {
    this.#ended();
    this.call = call;
  }

  // It is there, and has our conversation (kept), or has not. Whose call is not there again is told why.
  back(kept) {
    const { call } = this;
    this.call = null;
    if (!call || (kept && this.now(call, `${CUT}: the conversation goes on.`))) return;
    if (kept) this.say(`${CUT} again, and the call ended. Press Talk: your conversation goes on.`);
    else this.say(`${CUT}, and the conversation is not there any more. Press Talk to begin a new one.`);
  }

  #ended() {
    if (Date.now() - this.since > WHILE_MS) this.tried = false;
    this.since = Infinity;
  }
}
