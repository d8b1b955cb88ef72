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
    this.exchanges = 0;
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
    // What was said of the one before is not true of this one.
    if (track.muted) track.onmute();
    else track.onunmute();
  }

  leave() {
    this.call = null;
    this.sound.use(null);
    this.notice.clear("muted");
  }

  // Another microphone in mid-call: somebody chose it, or the one before is gone (`why`). Of several that are asked for
  // at once the last one counts, whichever comes first.
  async exchange(why = "") {
    const call = this.call;
    if (!call) return;
    const number = ++this.exchanges;
    const wanted = () => call === this.call && !call.over && number === this.exchanges;
    try {
      const stream = await microphone(why ? "" : this.sound.wanted, this.headphones.checked, false);
      if (!wanted()) {
        stream.getTracks().forEach((track) => track.stop());
        return;
      }
      // Who is muted, or mutes now, is not heard meanwhile: `take` opens it, or does not.
      for (const track of stream.getAudioTracks()) track.enabled = false;
      await call.replace(stream);
      if (call !== this.call || call.over) return;
      this.take(call, stream);
      this.renewed();
      if (why) this.notice.say(`${why}The call goes on with “${stream.getAudioTracks()[0].label}”; another one can be chosen under Microphone.`);
    } catch (error) {
      console.info("no other microphone", error);
      if (!wanted()) return;
      const { what = "That microphone cannot be used", mend = "plug another one in" } = error;
      if (why) this.notice.say(`${why}${what}. The call goes on: ${mend} and choose it under Microphone, or type below the captions.`);
      else this.notice.say(`${what}. ${BEFORE}`);
      this.sound.stay();
    }
  }
}
