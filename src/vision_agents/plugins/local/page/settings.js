// The agent's settings: what is changed holds at once.

import { PolicyForm } from "./policy.js";

export class Settings {
  // parts: {box, none, all, instructions, apply, voiceBox, voiceFixed, voice, voiceId, pace, policy}. send(wanted): have it changed.
  constructor(parts, send) {
    Object.assign(this, parts);
    this.shown = null;
    this.form = new PolicyForm(this.policy, (name, text) => send({ policy: { [name]: text } }));
    this.apply.addEventListener("click", () => send({ instructions: this.instructions.value }));
    for (const field of [this.voice, this.voiceId]) {
      field.addEventListener("change", () => send({ voice: { voice: field.value } }));
    }
    this.pace.addEventListener("change", () => send({ voice: { pace: Number(this.pace.value) } }));
  }

  // Whether callers may change anything here.
  allow(open) {
    this.box.hidden = !open;
  }

  show(settings) {
    const { instructions, policy, voice } = (this.shown = settings);
    this.none.hidden = true;
    this.all.hidden = false;
    // Not under the hands of somebody who writes.
    if (document.activeElement !== this.instructions) this.instructions.value = instructions;
    this.form.show(policy);
    this.voiceBox.hidden = voice === null;
    this.voiceFixed.hidden = voice !== null;
    if (!voice) return;
    // A service has more voices than are known here: there its name is written.
    const known = voice.voices.length > 0;
    this.voice.replaceChildren(...voice.voices.map((name) => new Option(name)));
    this.voice.hidden = !known;
    this.voiceId.hidden = known;
    this.voice.parentElement.hidden = !voice.voice;
    this.voice.value = this.voiceId.value = voice.voice;
    this.pace.value = voice.pace;
  }

  // A change was refused: the fields say again what holds.
  restore() {
    if (this.shown) this.show(this.shown);
  }

  // Without an agent there is nothing to change.
  hide() {
    this.shown = null;
    this.none.hidden = false;
    this.all.hidden = true;
  }
}
