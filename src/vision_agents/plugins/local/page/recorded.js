// A recorded call: what was said and decided, at any moment of it, with its sound; and what another policy would have done.

import { Captions } from "./captions.js";
import { Decisions } from "./decisions.js";
import { PolicyForm } from "./policy.js";
import { request } from "./request.js";
import { Timeline } from "./timeline.js";
import { readWav } from "./wav.js";

const AHEAD = 6; // seconds after the moment that are in view
const TICK_MS = 50;
const LONGEST = 32 * 1024 * 1024; // bytes of a trace, as on the server

export class RecordedCall {
  // parts: the elements {files, own, play, scrub, clock, canvas, captions, decisions, policy, changes, view, message}.
  // address(name): where a file of our own conversation is.
  constructor(parts, address) {
    Object.assign(this, parts);
    this.audio = new Audio();
    this.still = { at: 0, since: null }; // the clock of a call without sound
    this.timeline = new Timeline(this.canvas, { clock: () => this.position, ahead: AHEAD, whole: true });
    this.panels = [new Captions(this.captions), new Decisions(this.decisions)];
    this.form = new PolicyForm(this.policy, (name, text) => this.ask(name, text));
    this.files.addEventListener("change", () => this.choose([...this.files.files]));
    this.own.addEventListener("click", () => this.fetch(address));
    this.play.addEventListener("click", () => this.toggle());
    this.scrub.addEventListener("input", () => this.seek(Number(this.scrub.value)));
    this.audio.addEventListener("error", () => this.sounding && this.say("This browser cannot play that recording."));
    setInterval(() => this.tick(), TICK_MS);
  }

  // The moment that is looked at, in seconds from the beginning of the recording.
  get position() {
    if (this.sounding) return this.audio.currentTime;
    const { at, since } = this.still;
    return Math.min(this.duration ?? 0, since === null ? at : at + performance.now() / 1000 - since);
  }

  get playing() {
    return this.sounding ? !this.audio.paused : this.still.since !== null;
  }

  say(text) {
    this.message.textContent = text.charAt(0).toUpperCase() + text.slice(1); // the server tells what it lacks in small letters
    this.message.hidden = !text;
  }

  async choose(files) {
    const sound = files.find((file) => /\.wav$/i.test(file.name));
    const trace = files.find((file) => file !== sound);
    if (!trace) this.say("Choose the trace of the call (trace.jsonl), and its recording (call.wav) with it.");
    else await this.load(trace, sound);
  }

  async fetch(address) {
    try {
      const [trace, sound] = await Promise.all(["trace.jsonl", "call.wav"].map((name) => request(address(name))));
      if (!trace.ok) throw new Error(`${(await trace.json()).error}.`);
      await this.load(await trace.blob(), sound.ok ? new File([await sound.blob()], "call.wav") : undefined);
    } catch (error) {
      this.say(error.message);
    }
  }

  async load(trace, sound) {
    this.say("");
    try {
      const told = await this.request(trace);
      const wav = sound ? await readWav(sound) : null;
      this.trace = trace;
      this.wanted = {};
      this.show(told, sound, wav);
      if (!wav) this.say("There is no recording of this call: choose its call.wav too, to hear it.");
    } catch (error) {
      this.say(error.message);
    }
  }

  // Have the server read the trace, or replay it under other settings.
  async request(trace, policy = null) {
    if (trace.size > LONGEST) throw new Error(`A trace has at most ${LONGEST} bytes; this one has ${trace.size}.`);
    const query = policy ? `?${new URLSearchParams({ policy: JSON.stringify(policy) })}` : "";
    const response = await request(`replay${query}`, { method: "POST", body: trace });
    const answer = await response.json().catch(() => ({})); // a proxy refuses in words of its own
    if (!response.ok) throw new Error(`${answer.error ?? answer.detail ?? `the server answered ${response.status}`}.`);
    return answer;
  }

  show({ records, policy, offset }, sound, wav) {
    this.records = records.map((record) => ({ ...record, t: record.t - offset }));
    this.offset = offset;
    this.duration = wav?.duration ?? this.records.at(-1)?.t ?? 0;
    this.sounding = Boolean(wav);
    this.audio.pause();
    URL.revokeObjectURL(this.audio.src);
    if (wav) this.audio.src = URL.createObjectURL(sound);
    this.still = { at: 0, since: null };
    this.scrub.max = this.duration;
    this.timeline.clear();
    this.timeline.levels = wav?.levels ?? [];
    this.records.forEach((record) => this.timeline.take(record));
    this.form.show(policy);
    this.changes.replaceChildren();
    this.view.hidden = false;
    this.shown = Infinity;
    this.tick();
  }

  // The panels as they were at the moment.
  tick() {
    if (this.view.hidden) return;
    const at = this.position;
    if (at < this.shown) {
      this.panels.forEach((panel) => panel.clear());
      this.taken = 0;
    }
    for (; this.taken < this.records.length && this.records[this.taken].t <= at; this.taken += 1) {
      this.panels.forEach((panel) => panel.take(this.records[this.taken]));
    }
    if (!this.sounding && this.playing && at >= this.duration) this.still = { at, since: null };
    this.shown = at;
    this.scrub.value = at;
    this.scrub.setAttribute("aria-valuetext", `${at.toFixed(0)} of ${this.duration.toFixed(0)} seconds`);
    this.clock.textContent = `${clock(at)} / ${clock(this.duration)}`;
    this.play.textContent = this.playing ? "Pause" : "Play";
  }

  toggle() {
    // Who pauses before it has begun to play aborts that; the button then says so.
    if (this.sounding) this.audio.paused ? this.audio.play().catch(() => this.tick()) : this.audio.pause();
    else this.still = { at: this.position, since: this.playing ? null : performance.now() / 1000 };
    this.tick();
  }

  seek(at) {
    const to = Math.max(0, Math.min(at, this.duration));
    if (this.sounding) this.audio.currentTime = to;
    else this.still = { at: to, since: this.playing ? performance.now() / 1000 : null };
    this.tick();
  }

  // What would have happened, if the setting had been another one.
  async ask(name, text) {
    this.say("");
    this.wanted[name] = text;
    try {
      const { changes } = await this.request(this.trace, this.wanted);
      this.changes.replaceChildren(...(changes.length ? changes.map((change) => this.change(change)) : [nothing()]));
    } catch (error) {
      delete this.wanted[name];
      this.say(error.message);
    }
  }

  change({ mark, t, effect }) {
    const row = document.createElement("li");
    const at = t - this.offset;
    const place = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: clock(at, 2) });
    place.addEventListener("click", () => this.seek(at - 1));
    const same = mark === " ";
    row.className = same ? "same" : mark === "+" ? "new" : "gone";
    const word = same ? "the same" : mark === "+" ? "would have been" : "would not have been";
    const what = `${effect.effect.toLowerCase()}${effect.reason ? `: ${effect.reason}` : ""}`;
    row.append(place, ` ${word}: ${what} (reply ${effect.reply ?? "–"})`);
    return row;
  }
}

function nothing() {
  return Object.assign(document.createElement("li"), { textContent: "Nobody spoke over the agent: nothing was decided." });
}

function clock(seconds, digits = 0) {
  const minutes = Math.floor(Math.max(0, seconds) / 60);
  const rest = (Math.max(0, seconds) % 60).toFixed(digits);
  return `${minutes}:${rest.padStart(digits ? 3 + digits : 2, "0")}`;
}
