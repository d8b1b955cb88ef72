// The microphone, or what to do without it.

// what: went wrong. mend: what to do about it.
export class MicrophoneError extends Error {
  constructor(what, mend, also = "") {
    super(`${what}. ${mend.charAt(0).toUpperCase()}${mend.slice(1)} and press Talk again.${also}`);
    Object.assign(this, { what, mend });
  }
}

const RECORDED = "Or let the recorded caller talk: it needs no microphone.";

const REASONS = {
  NotAllowedError: [
    "This page may not use the microphone",
    "allow it (the icon beside the address, or the system's privacy settings)",
  ],
  NotFoundError: ["There is no microphone", "plug one in"],
  NotReadableError: ["The microphone cannot be opened", "close other programs that use it"],
  OverconstrainedError: ["That microphone is gone", "choose another one"],
};

// Why a page has no microphones at all.
function none() {
  if (isSecureContext) return ["This browser gives pages no microphone", "allow it in its settings, or take another browser,"];
  return ["Browsers give the microphone only to pages of this machine", `open http://localhost:${location.port} instead`];
}

// Without echo there is nothing to cancel, and a canceller that looks for echo all the same takes away, for the first
// seconds of an answer, most of what the user says at the same time: just what is to interrupt it.
// device: its id, "" for the system's own.
export async function microphone(device, headphones, hasCaller) {
  const also = hasCaller ? ` ${RECORDED}` : "";
  if (!navigator.mediaDevices) throw new MicrophoneError(...none(), also);
  const audio = { echoCancellation: !headphones, noiseSuppression: true, autoGainControl: true };
  if (device) audio.deviceId = { exact: device };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const [what, mend] = REASONS[error.name] ?? [`The microphone did not start (${error.name})`, "wait a moment"];
    throw new MicrophoneError(what, mend, also);
  }
}
