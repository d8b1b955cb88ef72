// The agent's settings: what is changed holds at once.

import { PolicyForm } from "./policy.js";

export class Settings {
  // parts: {box, none, all, instructions, apply, voiceBox, voice, pace, policy}. send(wanted): have it changed.
  constructor(parts, send) {
    Object.assign(this, parts);
    this.form = new PolicyForm(this.policy, (name, text) => send({ policy: { [name]: text } }));
    this.apply.addEventListener("click", () => send({ instructions: this.instructions.value }));
    this.voice.addEventListener("change", () => send({ voice: { voice: this.voice.value } }));
    this.pace.addEventListener("change", () => send({ voice: { pace: Number(this.pace.value) } }));
  }

  // Whether callers may change anything here.
  allow(open) {
    this.box.hidden = !open;
  }

  show({ instructions, policy, voice }) {
    this.none.hidden = true;
    this.all.hidden = false;
    // Not under the hands of somebody who writes.
    if (document.activeElement !== this.instructions) this.instructions.value = instructions;
    this.form.show(policy);
    this.voiceBox.hidden = voice === null;
    if (!voice) return;
    this.voice.replaceChildren(...voice.voices.map((name) => new Option(name)));
    this.voice.parentElement.hidden = !voice.voices.length;
    this.voice.value = voice.voice;
    this.pace.value = voice.pace;
  }

  // Without an agent there is nothing to change.
  hide() {
    this.none.hidden = false;
    this.all.hidden = true;
  }
}
