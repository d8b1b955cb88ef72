// The devices and their levels: which microphone and loudspeaker, how loud, and whether the agent hears anything.

import { store, stored } from "./storage.js";

export class Sound {
  // controls: {microphone, speaker, speakerLabel, volume, mute}. audio: what plays the agent. changed(): another
  // microphone was chosen. failed(text): a choice could not be had.
  constructor(controls, audio, changed, failed) {
    Object.assign(this, { ...controls, audio, failed });
    this.muted = false;
    this.track = null;
    this.volume.value = stored("volume") ?? "100";
    this.audio.volume = this.volume.value / 100;
    this.volume.addEventListener("input", () => {
      this.audio.volume = this.volume.value / 100;
      store("volume", this.volume.value);
    });
    this.microphone.addEventListener("change", () => {
      store("microphone", this.microphone.value);
      changed();
    });
    this.speaker.addEventListener("change", () => {
      store("speaker", this.speaker.value);
      this.route();
    });
    this.mute.addEventListener("click", () => this.toggle());
    // Firefox and Safari let the system choose the loudspeaker.
    this.speakerLabel.hidden = !("setSinkId" in this.audio);
    navigator.mediaDevices?.addEventListener("devicechange", () => this.list());
    this.list();
  }

  // The device to ask for; "" for whichever the system prefers.
  get wanted() {
    return this.microphone.value;
  }

  // The microphone's track of a call, or null when there is none. Who is muted stays so in the next call, too: some
  // calls the page begins by itself.
  use(track) {
    this.track = track;
    this.mute.disabled = !track;
    this.show(this.muted);
    this.list();
    if (track) this.route();
  }

  // Another microphone was chosen, and cannot be had.
  stay() {
    store("microphone", this.track?.getSettings().deviceId ?? "");
    this.list();
  }

  toggle() {
    if (this.track) this.show(!this.muted);
  }

  show(muted) {
    this.muted = muted;
    if (this.track) this.track.enabled = !muted;
    this.mute.setAttribute("aria-pressed", String(muted));
    this.mute.textContent = muted ? "Unmute" : "Mute";
  }

  async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    fill(this.microphone, devices, "audioinput", stored("microphone"));
    fill(this.speaker, devices, "audiooutput", stored("speaker"));
  }

  async route() {
    if (!("setSinkId" in this.audio)) return;
    try {
      await this.audio.setSinkId(this.speaker.value);
    } catch (error) {
      console.info("the loudspeaker cannot be had", error);
      this.speaker.value = "";
      this.failed("That loudspeaker cannot be used: the sound goes to the system's own. Choose another one.");
    }
  }
}

function fill(select, devices, kind, wanted) {
  const known = devices.filter((device) => device.kind === kind && device.deviceId && device.deviceId !== "default");
  const options = known.map(({ deviceId, label }, index) => new Option(label || `Device ${index + 1}`, deviceId));
  select.replaceChildren(new Option("System default", ""), ...options);
  select.value = known.some(({ deviceId }) => deviceId === wanted) ? wanted : "";
}
