// Whether the browser let this tab sleep: then timers stand still, and calls and connections break unnoticed.

export const ASLEEP =
  "This tab was asleep, and the call ended. Press Talk: your conversation goes on, if it did not sleep for long.";

const TICK_MS = 1000;
const ASLEEP_MS = 10_000; // background tabs run their timers once a second at least, sleeping ones not at all
const RECENT_MS = 15_000;

export class Sleep {
  // woken(): it is awake again.
  constructor(woken) {
    this.woke = -Infinity;
    this.last = Date.now();
    setInterval(() => {
      const now = Date.now();
      if (now - this.last > ASLEEP_MS) {
        this.woke = now;
        woken();
      }
      this.last = now;
    }, TICK_MS);
  }

  // A broken connection may be told of before the first timer runs.
  get recent() {
    const now = Date.now();
    return now - this.last > ASLEEP_MS || now - this.woke < RECENT_MS;
  }
}
