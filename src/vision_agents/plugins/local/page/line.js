// The microphone in a call: heard of when it is muted or taken away, and another one put in its place.

import { microphone } from "./microphone.js";

const MUTED =
  "The microphone gives no sound: the system, or a switch on it, has muted it. Let it be heard again, or choose another " +
  "one under Microphone.";
const BEFORE = "The call goes on with the one before; another one can be chosen under Microphone.";

export class Line {
  // sound: which microphone is wanted. headphones: the box that says whether there are some. renewed(): the call has
  // another microphone.
  constructor(sound, notice, headphones, renewed) {
    Object.assign(this, { sound, notice, headphones, renewed });
    this.call = null;
  }

  open(hasCaller) {
    return microphone(this.sound.wanted, this.headphones.checked, hasCaller);
  }

  // From here on, the track of `stream` is what `call` hears.
  take(call, stream) {
    const [track] = stream.getAudioTracks();
    this.call = call;
    this.sound.use(track);
    track.onended = () => this.exchange("The microphone was taken away. ");
    track.onmute = () => this.notice.say(MUTED, { about: "muted" });
    track.onunmute = () => this.notice.clear("muted");
  }

  leave() {
    this.call = null;
    this.sound.use(null);
  }

  // Another microphone in mid-call: somebody chose it, or the one before is gone (`why`).
  async exchange(why = "") {
    const call = this.call;
    if (!call) return;
    try {
      const stream = await microphone(why ? "" : this.sound.wanted, this.headphones.checked, false);
      if (call !== this.call || call.over) {
        stream.getTracks().forEach((track) => track.stop());
        return;
      }
      await call.replace(stream);
      this.take(call, stream);
      this.renewed();
      if (why) this.notice.say(`${why}The call goes on with “${stream.getAudioTracks()[0].label}”; another one can be chosen under Microphone.`);
    } catch (error) {
      console.info("no other microphone", error);
      const { what = "That microphone cannot be used", mend = "plug another one in" } = error;
      if (why) this.notice.say(`${why}${what}. The call goes on: ${mend} and choose it under Microphone, or type below the captions.`);
      else this.notice.say(`${what}. ${BEFORE}`);
      this.sound.stay();
    }
  }
}
