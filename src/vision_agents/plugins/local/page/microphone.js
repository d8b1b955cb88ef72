// The microphone, or what to do without it.

export class MicrophoneError extends Error {}

const RECORDED = "Or let the recorded caller talk: it needs no microphone.";

const REASONS = {
  NotAllowedError:
    "This page may not use the microphone. Allow it (the icon beside the address, or the system's privacy settings) and press Talk again.",
  NotFoundError: "There is no microphone. Plug one in and press Talk again.",
  NotReadableError: "The microphone cannot be opened. Close other programs that use it and press Talk again.",
  OverconstrainedError: "That microphone is gone. Choose another one and press Talk again.",
};

// Without echo there is nothing to cancel, and a canceller that looks for echo all the same takes away, for the first
// seconds of an answer, most of what the user says at the same time: just what is to interrupt it.
// device: its id, "" for the system's own.
export async function microphone(device, headphones, hasCaller) {
  const also = hasCaller ? ` ${RECORDED}` : "";
  if (!navigator.mediaDevices) {
    const address = `http://localhost:${location.port}`;
    throw new MicrophoneError(`Browsers give the microphone only to pages of this machine. Open ${address} instead.${also}`);
  }
  const audio = { echoCancellation: !headphones, noiseSuppression: true, autoGainControl: true };
  if (device) audio.deviceId = { exact: device };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const reason = REASONS[error.name] ?? `The microphone did not start (${error.name}). Press Talk to try again.`;
    throw new MicrophoneError(reason + also);
  }
}
