// The recorded caller: asks, waits until the agent is well into its answer, interrupts it, and begins again.

import { request } from "./request.js";

const INTERRUPT_AFTER = 2; // seconds of the agent's voice
const PAUSE = 2; // seconds of quiet before the next question
const ANSWER_LIMIT = 20; // seconds until an answer must have begun
const TALK_LIMIT = 60; // seconds until it must have ended
const TICK_MS = 50;

export class RecordedCaller {
  // floor: who speaks. say(text): what the caller is up to.
  constructor(context, floor, say) {
    this.context = context;
    this.floor = floor;
    this.say = say;
    this.stopped = false;
    this.source = null;
    this.output = context.createMediaStreamDestination();
    // Who is quiet sends silence. Of a graph without a source browsers send nothing: the agent would wait for more.
    this.quiet = new ConstantSourceNode(context, { offset: 0 });
    this.quiet.connect(this.output);
    this.quiet.start();
    this.stream = this.output.stream;
  }

  // Fetch what the caller says. Throws with a sentence for people.
  async load() {
    [this.question, this.interruption] = await Promise.all([this.fetch("question"), this.fetch("interruption")]);
  }

  async fetch(line) {
    const response = await request(`caller/${line}.wav`);
    if (!response.ok) {
      throw new Error((await response.json()).error);
    }
    return this.context.decodeAudioData(await response.arrayBuffer());
  }

  async run() {
    while (!this.stopped) {
      this.say("The recorded caller asks a question.");
      await this.play(this.question);
      this.say("The recorded caller listens.");
      await this.until(() => this.floor.speakingFor() > 0, ANSWER_LIMIT);
      // A short answer is over before it is time to interrupt it.
      const inFull = () => this.floor.speakingFor() >= INTERRUPT_AFTER;
      await this.until(() => inFull() || this.floor.idleFor() >= PAUSE, ANSWER_LIMIT);
      if (inFull()) {
        this.say("The recorded caller interrupts.");
        await this.play(this.interruption);
        this.say("The recorded caller listens.");
        await this.until(() => this.floor.speakingFor() > 0, ANSWER_LIMIT);
      }
      await this.until(() => this.floor.idleFor() >= PAUSE, TALK_LIMIT);
    }
  }

  play(line) {
    return new Promise((resolve) => {
      if (this.stopped) {
        resolve();
        return;
      }
      this.source = new AudioBufferSourceNode(this.context, { buffer: line });
      this.source.connect(this.output);
      this.source.connect(this.context.destination);
      this.source.onended = resolve;
      this.source.start();
    });
  }

  // Wait for condition(), at most `limit` seconds; return whether it came true.
  async until(condition, limit) {
    const end = performance.now() + limit * 1000;
    while (!this.stopped && performance.now() < end) {
      if (condition()) {
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    return false;
  }

  stop() {
    this.stopped = true;
    this.source?.stop();
    this.quiet.stop();
  }
}
