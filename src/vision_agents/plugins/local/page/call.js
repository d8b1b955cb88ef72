// One WebRTC connection to the agent.

const GATHER_MS = 2000;
const CONNECT_MS = 15000;
const LONE_MS = 5000; // where the browser says of no way in which it could be reached

export const LOST = "This page has lost the agent. Look whether it is still running.";
const UNREACHED = "The agent could not be reached by WebRTC. A VPN or an extension may forbid it: switch it off.";
const LONE =
  "This browser knows no way to connect: WebRTC needs a network, even on one machine, and nothing that forbids it. " +
  "Join any network (one without internet will do), or switch off what forbids WebRTC.";

const NONE =
  "This browser has no WebRTC: an extension or a setting switches it off. Allow it for this page, or take another browser.";

// What takes WebRTC from pages does so in many ways: there is none, or one that cannot be made. A microphone that was
// given by then is given back.
function connection(stream) {
  try {
    return new RTCPeerConnection({ iceServers: [] });
  } catch (error) {
    console.info("there is no WebRTC", error);
    stop(stream);
    throw new Error(NONE);
  }
}

function stop(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

export class Call {
  // stream: what the agent is to hear. audio: the element that plays the agent. failed(text): it broke, or never was.
  // silenced(): the browser refuses to play sound before somebody presses something.
  constructor(stream, audio, failed, silenced) {
    this.stream = stream;
    this.audio = audio;
    this.failed = failed;
    this.silenced = silenced;
    this.over = false;
    this.reached = false; // the agent, at least once: a short loss after that mends itself, or is told as one
    this.remote = null;
    this.connection = connection(stream);
    this.connection.ontrack = ({ receiver, track, streams }) => this.play(receiver, streams[0] ?? new MediaStream([track]));
    this.connection.onconnectionstatechange = () => {
      this.reached ||= this.connection.connectionState === "connected";
      if (this.connection.connectionState === "failed") {
        this.fail("The connection to the agent broke.");
      }
    };
  }

  // offer(sdp): returns the answer, or throws with a sentence for people.
  async start(offer) {
    const track = this.stream.getAudioTracks()[0];
    this.sender = this.connection.addTransceiver(track, { direction: "sendrecv", streams: [this.stream] }).sender;
    await this.connection.setLocalDescription(await this.connection.createOffer());
    await this.gathered();
    const answer = await offer(this.connection.localDescription.sdp);
    if (!this.over) {
      this.id = answer.connection;
      await this.connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      const lone = !this.connection.localDescription.sdp.includes("a=candidate");
      this.deadline = setTimeout(() => this.check(lone ? LONE : UNREACHED), lone ? LONE_MS : CONNECT_MS);
    }
  }

  // Candidates are few and local: they all go into the offer.
  gathered() {
    return new Promise((resolve) => {
      const done = () => this.connection.iceGatheringState === "complete" && resolve();
      this.connection.onicegatheringstatechange = done;
      setTimeout(resolve, GATHER_MS);
      done();
    });
  }

  check(text) {
    if (!this.reached) {
      this.fail(text);
    }
  }

  play(receiver, stream) {
    // The agent's silence is to be heard as soon as it falls: no more buffer than needed.
    if ("jitterBufferTarget" in receiver) {
      receiver.jitterBufferTarget = 0;
    }
    this.remote = stream;
    this.audio.srcObject = stream;
    this.audio.play().catch((error) => error.name === "NotAllowedError" && this.silenced());
  }

  // Another microphone, in the middle of the call. If it cannot be sent, the one before stays.
  async replace(stream) {
    try {
      await this.sender?.replaceTrack(stream.getAudioTracks()[0]);
    } catch (error) {
      stop(stream);
      throw error;
    }
    stop(this.over ? stream : this.stream);
    if (!this.over) this.stream = stream;
  }

  fail(text) {
    if (!this.over) {
      this.close();
      this.failed(text);
    }
  }

  close() {
    this.over = true;
    clearTimeout(this.deadline);
    this.connection.close();
    this.audio.srcObject = null;
    stop(this.stream);
  }
}
