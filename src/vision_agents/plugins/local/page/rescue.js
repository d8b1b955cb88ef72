// Whose agent is gone in mid-call goes on with another one, which knows what was said.

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
  }

  // The agent is gone. call(fresh, patient): calls again, as before. Returns false if that was tried before: perhaps it is what
  // was said that ends agents.
  now(call, text) {
    if (this.tried) return false;
    this.tried = true;
    call(false, true);
    this.say(text);
    return true;
  }

  // The server is gone: the same once it is there.
  later(call) {
    if (!this.tried) this.call = call;
  }

  // It is there, and has our conversation (kept), or has not.
  back(kept) {
    const { call } = this;
    this.call = null;
    if (call && kept) this.now(call, "The connection was cut off: the conversation goes on.");
  }
}
