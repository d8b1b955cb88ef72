// How loud both sides of a recorded call are, read from its WAV piece by piece: it may be long.

import { loudness } from "./timeline.js";

const PIECE = 1 << 22; // bytes
const STEP = 1 / 30; // seconds from one level to the next

// {duration, levels: [{at, user, agent}]}. Throws with a sentence for people.
export async function readWav(file) {
  const { start, rate } = await header(file);
  const frame = 4; // bytes of two channels
  const step = Math.round(rate * STEP);
  const levels = [];
  const bytes = Math.floor((file.size - start) / frame) * frame;
  const piece = Math.floor(PIECE / (step * frame)) * step * frame;
  for (let from = 0; from < bytes; from += piece) {
    const buffer = await file.slice(start + from, start + Math.min(from + piece, bytes)).arrayBuffer();
    const samples = new Int16Array(buffer);
    for (let first = 0; first < samples.length; first += 2 * step) {
      const [user, agent] = [0, 1].map((side) => level(samples, first + side, Math.min(first + 2 * step, samples.length)));
      levels.push({ at: (from / frame + first / 2) / rate, user, agent });
    }
  }
  return { duration: bytes / frame / rate, levels };
}

async function header(file) {
  const view = new DataView(await file.slice(0, 4096).arrayBuffer());
  const word = (at) => String.fromCharCode(...[0, 1, 2, 3].map((n) => view.getUint8(at + n)));
  if (view.byteLength < 44 || word(0) !== "RIFF" || word(8) !== "WAVE") throw new Error(`${file.name} is no WAV file.`);
  let rate = 0;
  for (let at = 12; at + 8 <= view.byteLength; at += 8 + view.getUint32(at + 4, true)) {
    if (word(at) === "fmt ") {
      const [channels, bits] = [view.getUint16(at + 10, true), view.getUint16(at + 22, true)];
      if (channels !== 2 || bits !== 16) throw new Error(`${file.name} is no recording of a call: it is not 16-bit stereo.`);
      rate = view.getUint32(at + 12, true);
    } else if (word(at) === "data" && rate) return { start: at + 8, rate };
  }
  throw new Error(`${file.name} has no sound.`);
}

function level(samples, first, end) {
  let power = 0;
  for (let n = first; n < end; n += 2) power += samples[n] * samples[n];
  return loudness(power / Math.max(1, (end - first) / 2) / 32768 ** 2);
}
