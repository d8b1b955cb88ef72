// The last 20 seconds: both voices, and what the floor made of them.

import { TERMS } from "./glossary.js";

const SPAN = 20; // seconds
const NEAR = 8; // pixels: the pointer is at a mark
const FLOOR_DB = -60;
const GAP = 0.3; // seconds between two levels that belong together
const FONT = "12px system-ui, sans-serif";
const NAMES = 52; // pixels: what the names of the lanes take at the left
const LABEL = 16; // pixels: the height of a row of labels,
const LABEL_SHIFT = 50; // and how far one may give way to another
const INTERVAL = 1 / 30; // seconds between two drawings,
const CALM_INTERVAL = 0.5; // and for those who want less motion

export class Timeline {
  // clock(): the moment that is looked at, in seconds. ahead: seconds after it that are in view. whole: it shows a call
  // that is over, of which nothing is forgotten and whose records have the clock's own times.
  constructor(canvas, { clock = now, ahead = 0, whole = false } = {}) {
    this.canvas = canvas;
    Object.assign(this, { clock, ahead, whole });
    this.pen = canvas.getContext("2d");
    this.meters = []; // [user, agent], each with level() in 0…1
    this.levels = []; // {at, user, agent}
    this.bands = []; // {kind, from, to}: speech and holds; `to` is null while it lasts
    this.marks = []; // {at, kind, why}: hold, resume and commit
    this.epochs = [{ at: -Infinity, number: 0 }];
    this.offset = Infinity;
    this.drawn = 0;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.readColours();
    this.canvas.addEventListener("pointermove", ({ offsetX }) => this.point(offsetX));
    new ResizeObserver(() => this.resize()).observe(canvas);
    requestAnimationFrame(() => this.frame());
  }

  // Another session has another zero of time.
  reset() {
    this.offset = Infinity;
    this.epochs = [{ at: -Infinity, number: 0 }];
    this.close();
  }

  // Another conversation.
  clear() {
    this.reset();
    this.bands = [];
    this.marks = [];
  }

  // The call is over: nothing lasts any longer.
  close() {
    this.bands.forEach((band) => (band.to ??= this.clock()));
  }

  take(record) {
    if (typeof record.t !== "number") return;
    // The quickest record so far tells best how the agent's clock relates to ours.
    this.offset = this.whole ? 0 : Math.min(this.offset, now() - record.t);
    const step = STEPS[record.event ?? record.effect];
    if (step) {
      step(this, record.t + this.offset, record);
    }
  }

  begin(kind, from) {
    this.end(kind, from);
    this.bands.push({ kind, from, to: null });
  }

  end(kind, to) {
    for (const band of this.bands) {
      if (band.kind === kind) band.to ??= Math.max(to, band.from);
    }
  }

  frame() {
    const at = this.clock();
    const last = this.levels.at(-1)?.at ?? -Infinity;
    if (this.meters.length && at - last > INTERVAL * 0.9) {
      const [user, agent] = this.meters;
      this.levels.push({ at, user: user.level(), agent: agent.level() });
    }
    if (Math.abs(at - this.drawn) > (this.calm.matches ? CALM_INTERVAL : INTERVAL * 0.9)) {
      this.drawn = at;
      if (!this.whole) this.forget(at - SPAN - 1);
      this.draw(at);
    }
    requestAnimationFrame(() => this.frame());
  }

  forget(before) {
    while (this.levels.length && this.levels[0].at < before) this.levels.shift();
    this.bands = this.bands.filter((band) => band.to === null || band.to > before);
    this.marks = this.marks.filter((mark) => mark.at > before);
    while (this.epochs.length > 1 && this.epochs[1].at < before) this.epochs.shift();
  }

  // Drawing.

  // Another theme. The timeline of a call that is over is drawn by nobody else.
  recolour() {
    this.readColours();
    this.draw(this.clock());
  }

  // A probe has them as the browser draws them, in whichever theme.
  readColours() {
    const names = ["card", "line", "ink", "soft", "user", "agent", "hold", "commit", "resume", "epoch"];
    const probe = document.createElement("i");
    document.body.append(probe);
    this.colours = Object.fromEntries(
      names.map((name) => {
        probe.className = `colour-${name}`;
        return [name, getComputedStyle(probe).color];
      }),
    );
    probe.remove();
  }

  // What is under the pointer, in words.
  point(x) {
    const at = this.clock() + this.ahead - ((this.canvas.clientWidth - x) / (this.canvas.clientWidth - NAMES)) * SPAN;
    const near = (SPAN / this.canvas.clientWidth) * NEAR;
    const mark = this.marks.findLast((each) => Math.abs(each.at - at) < near);
    const epoch = this.epochs.findLast((each) => each.at <= at)?.number ?? 0;
    const { kind, why } = mark ?? {};
    this.canvas.title = mark ? `${kind}${why ? ` (${why})` : ""}: ${TERMS[kind]}` : `epoch ${epoch}: ${TERMS.epoch}`;
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.draw(this.clock());
  }

  draw(moment) {
    const { pen, colours } = this;
    const at = moment + this.ahead;
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    const x = (time) => width - ((at - time) / SPAN) * (width - NAMES);
    // From the top: two rows of labels, the user's lane, a strip for speech, the agent's lane, the scale.
    const labels = 2 * LABEL;
    const scale = 18;
    const strip = 8;
    const lane = (height - labels - scale - strip - 12) / 2;
    const user = { top: labels, bottom: labels + lane };
    const speech = { top: user.bottom, bottom: user.bottom + strip };
    const agent = { top: speech.bottom + 12, bottom: speech.bottom + 12 + lane };
    pen.clearRect(0, 0, width, height);
    pen.font = FONT;
    pen.textBaseline = "middle";
    this.drawName("You", user, colours.user);
    this.drawName("Agent", agent, colours.agent);
    pen.save();
    pen.beginPath();
    pen.rect(NAMES, 0, width - NAMES, height);
    pen.clip();
    this.drawEpochs(x, agent, width);
    this.drawScale(x, this.ticks(at), height - scale / 2, user.top, agent.bottom);
    this.drawBands("hold", x, agent, colours.hold, 0.28);
    this.drawLevels(x, "user", user, colours.user);
    this.drawLevels(x, "agent", agent, colours.agent);
    this.drawBands("speech", x, speech, colours.user, 1);
    this.drawMarks(x, agent.bottom, width);
    if (this.ahead) this.drawMoment(x(moment), agent.bottom);
    this.nameEpochs(x, agent, width);
    pen.restore();
  }

  drawEpochs(x, lane, width) {
    const { pen, colours } = this;
    pen.fillStyle = colours.epoch;
    for (const { number, left, right } of this.spans(x, width)) {
      if (number % 2) pen.fillRect(left, lane.top, right - left, lane.bottom - lane.top);
    }
  }

  nameEpochs(x, lane, width) {
    const { pen, colours } = this;
    pen.font = FONT;
    pen.textAlign = "left";
    pen.fillStyle = colours.soft;
    for (const { number, left, right } of this.spans(x, width)) {
      if (right - left > 60) pen.fillText(`epoch ${number}`, left + 5, lane.bottom - 8);
    }
  }

  // Where each epoch that is in view begins and ends.
  spans(x, width) {
    return this.epochs
      .map(({ at, number }, index) => ({
        number,
        left: Math.max(NAMES, x(at)),
        right: index + 1 < this.epochs.length ? x(this.epochs[index + 1].at) : width,
      }))
      .filter(({ left, right }) => right > left);
  }

  drawBands(kind, x, lane, colour, alpha) {
    const { pen } = this;
    pen.save();
    pen.globalAlpha = alpha;
    pen.fillStyle = colour;
    for (const band of this.bands) {
      if (band.kind === kind) {
        const left = x(band.from);
        pen.fillRect(left, lane.top, Math.max(2, x(band.to ?? this.clock()) - left), lane.bottom - lane.top);
      }
    }
    pen.restore();
  }

  // [time, label] of the scale: back from now, or from the beginning of a call that is over.
  ticks(at) {
    if (!this.whole) return [5, 10, 15].map((seconds) => [at - seconds, `−${seconds} s`]).concat([[at, "now"]]);
    const first = Math.ceil(Math.max(0, at - SPAN) / 5) * 5;
    const count = Math.floor((at - first) / 5) + 1;
    return Array.from({ length: Math.max(0, count) }, (_, n) => [first + 5 * n, `${first + 5 * n} s`]);
  }

  drawScale(x, ticks, y, top, bottom) {
    const { pen, colours } = this;
    pen.strokeStyle = colours.line;
    pen.lineWidth = 1;
    pen.fillStyle = colours.soft;
    for (const [time, label] of ticks) {
      const place = Math.round(x(time)) + 0.5;
      if (label !== "now") {
        pen.beginPath();
        pen.moveTo(place, top);
        pen.lineTo(place, bottom);
        pen.stroke();
      }
      pen.textAlign = label === "now" ? "right" : "center";
      pen.fillText(label, place, y);
    }
  }

  drawMoment(place, bottom) {
    const { pen, colours } = this;
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(place, 2 * LABEL);
    pen.lineTo(place, bottom);
    pen.stroke();
  }

  drawLevels(x, who, lane, colour) {
    const { pen, colours } = this;
    const middle = (lane.top + lane.bottom) / 2;
    const half = (lane.bottom - lane.top) / 2 - 2;
    pen.strokeStyle = colours.line;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(NAMES, Math.round(middle) + 0.5);
    pen.lineTo(this.canvas.clientWidth, Math.round(middle) + 0.5);
    pen.stroke();
    pen.fillStyle = colour;
    for (const run of this.runs()) {
      pen.beginPath();
      run.forEach((level) => pen.lineTo(x(level.at), middle - level[who] * half));
      run.reverse().forEach((level) => pen.lineTo(x(level.at), middle + level[who] * half));
      pen.fill();
    }
  }

  // The levels without the gaps between them: a hidden tab takes none.
  runs() {
    const runs = [];
    let last = -Infinity;
    for (const level of this.visible()) {
      if (level.at - last > GAP) runs.push([]);
      runs.at(-1).push(level);
      last = level.at;
    }
    return runs;
  }

  // The levels in view: of a whole call they are many.
  visible() {
    const to = this.clock() + this.ahead;
    return this.levels.filter(({ at }) => at > to - SPAN - 1 && at <= to);
  }

  drawMarks(x, bottom, width) {
    const { pen, colours } = this;
    const free = [-Infinity, -Infinity];
    for (const [index, { at, kind, why }] of this.marks.entries()) {
      const place = x(at);
      pen.strokeStyle = pen.fillStyle = colours[kind];
      pen.lineWidth = 2;
      // Holds above, what became of them below: the two come close to each other.
      const row = kind === "hold" ? 0 : 1;
      pen.beginPath();
      pen.moveTo(place, row * LABEL + LABEL - 2);
      pen.lineTo(place, bottom);
      pen.stroke();
      const breadth = pen.measureText(kind).width;
      const wanted = Math.min(place - 1, width - breadth);
      const left = Math.max(wanted, free[row]);
      // A label may stand a little to the right of its mark; one too many is left out.
      if (left - wanted < LABEL_SHIFT && left + breadth <= width) {
        pen.textAlign = "left";
        pen.fillText(kind, left, row * LABEL + LABEL / 2 - 1);
        free[row] = left + breadth + 6;
        // Why, as far as there is room before the next mark.
        const next = index + 1 < this.marks.length ? x(this.marks[index + 1].at) : width;
        pen.fillStyle = colours.soft;
        pen.fillText(this.shortened(why ?? "", next - 6 - free[row]), free[row], row * LABEL + LABEL / 2 - 1);
      }
    }
  }

  // As much of a text as fits into so many pixels; nothing if that is next to nothing.
  shortened(words, room) {
    const breadth = this.pen.measureText(words).width;
    if (breadth <= room) return words;
    const fits = Math.floor((words.length * room) / breadth) - 1;
    return fits > 5 ? `${words.slice(0, fits).trimEnd()}…` : "";
  }

  drawName(name, lane, colour) {
    const { pen } = this;
    pen.save();
    pen.font = `600 ${FONT}`;
    pen.textAlign = "left";
    pen.fillStyle = colour;
    pen.fillText(name, 0, (lane.top + lane.bottom) / 2);
    pen.restore();
  }
}

const STEPS = {
  SpeechStarted: (line, at, { onset_delay: delay }) => line.begin("speech", at - (delay ?? 0)),
  SpeechEnded: (line, at, { trailing_silence: silence }) => line.end("speech", at - (silence ?? 0)),
  ParticipantLeft: (line, at) => line.end("speech", at),
  Hold: (line, at) => {
    line.begin("hold", at);
    line.marks.push({ at, kind: "hold" });
  },
  Resume: (line, at, { reason }) => {
    line.end("hold", at);
    line.marks.push({ at, kind: "resume", why: reason });
  },
  Commit: (line, at, { epoch, reason }) => {
    line.end("hold", at);
    line.marks.push({ at, kind: "commit", why: reason });
    line.epochs.push({ at, number: epoch });
  },
  AudioDrained: (line, at) => line.end("hold", at),
  DropReply: (line, at) => line.end("hold", at),
};

// The loudness of a stream, from 0 (−60 dB and below) to 1.
export class Meter {
  constructor(context, stream) {
    this.analyser = new AnalyserNode(context, { fftSize: 2048 });
    this.source = context.createMediaStreamSource(stream);
    this.source.connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
  }

  level() {
    this.analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length;
    return loudness(power);
  }
}

// Of the mean power of samples up to 1: from 0 (−60 dB and below) to 1.
export function loudness(power) {
  return power > 0 ? Math.max(0, 1 - (10 * Math.log10(power)) / FLOOR_DB) : 0;
}

function now() {
  return performance.now() / 1000;
}
