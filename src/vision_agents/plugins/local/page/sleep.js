// Whether the browser let this tab sleep: then timers stand still, and calls and connections break unnoticed.

const TICK_MS = 1000;
const ASLEEP_MS = 10_000; // background tabs run their timers once a second at least, sleeping ones not at all
const RECENT_MS = 15_000;

export class Sleep {
  // woken(): it is awake again.
  constructor(woken) {
    this.woke = -Infinity;
    let last = Date.now();
    setInterval(() => {
      const now = Date.now();
      if (now - last > ASLEEP_MS) {
        this.woke = now;
        woken();
      }
      last = now;
    }, TICK_MS);
  }

  get recent() {
    return Date.now() - this.woke < RECENT_MS;
  }
}
