"""One browser's WebRTC connection: its microphone goes to the sink, and what the sink plays goes to its loudspeaker."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from aiortc import MediaStreamTrack, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import SessionDescription
from av import AudioFrame, CodecContext, FFmpegError, Packet

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.edge import FRAME_SAMPLES, FRAME_SECONDS, OUTPUT_SAMPLE_RATE, CallSink
from vision_agents.core.participants import Participant

from .aiortc_patches import LOOPBACK, accept_rsa, gather_on_loopback, guard_datagrams
from .jitter import Continuity
from .voice_connection import VoiceConnection

logger = logging.getLogger(__name__)

# Frames that are made up for after a stall. Audio that is later than that would be heard late for the rest of the call.
CATCH_UP_FRAMES = 2

# How long the connection may take to come about, in seconds.
CONNECT_TIMEOUT = 15.0

# A mono voice in full band; on one machine the rate is no matter.
OPUS_BIT_RATE = 64_000

# Frames of digital silence after which the encoder has nothing left of the voice before.
SETTLED_FRAMES = 10

# A browser that has not been given the microphone hides its address behind a name that only multicast DNS can resolve.
# It is on this machine, or reaches us by itself once the checks go on: no need to ask.
_HIDDEN_ADDRESS = re.compile(r"(?m)^(a=candidate:\S+ \d \S+ \d+ )\S+\.local(?= )")

_TIME_BASE = Fraction(1, OUTPUT_SAMPLE_RATE)

# The only codec that the voice is encoded with; every browser has it.
_OPUS = [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/opus"]


class OfferError(ValueError):
    """An offer that cannot be answered. The message says why."""


class CallListener(Protocol):
    """Is told how a call goes: `connected` at most once, then `over` once, unless the call was closed before."""

    def connected(self, call: BrowserCall) -> None:
        """Sound can flow. Until `call.serve()` the browser hears silence and is not heard."""

    def over(self, call: BrowserCall, error: str | None) -> None:
        """The call ended, or never came about; `error` says why, unless somebody hung up. Close it."""


class FrameClock:
    """Times at which 20 ms frames are due; some are left out after a stall. Reads no clock: `now` is in seconds."""

    def __init__(self) -> None:
        self._start: float | None = None
        self._next = 0

    def wait(self, now: float) -> float:
        """Seconds until the next frame is due; not above 0 if it is."""
        if self._start is None:
            self._start = now
        return self._start + self._next * FRAME_SECONDS - now

    def take(self, now: float) -> int:
        """The number of the frame that is sent now. Numbers are skipped where more than `CATCH_UP_FRAMES` are late."""
        late = int(-self.wait(now) / FRAME_SECONDS)
        number = self._next + max(0, late - CATCH_UP_FRAMES)
        self._next = number + 1
        return number


class AgentTrack(MediaStreamTrack):
    """The agent's voice on its way out: a frame is pulled when it is due, encoded and sent, never ahead.

    It is encoded here and not by aiortc: that costs a third of the time, happens on no other thread that somebody may
    keep busy, and takes 4 ms less to come out of the codec.
    """

    kind = "audio"

    def __init__(self, failed: Callable[[str], None]) -> None:
        super().__init__()
        self._failed = failed
        self._sink: CallSink | None = None
        self._clock = FrameClock()
        self._silence: Samples = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        self._voice = VoiceEncoder()

    def play(self, sink: CallSink | None) -> None:
        """From the next frame on, send what `sink` plays; silence if None."""
        self._sink = sink

    async def recv(self) -> Packet[Any]:
        """The next packet, when it is due."""
        now = asyncio.get_running_loop().time
        wait = self._clock.wait(now())
        if wait > 0:
            await asyncio.sleep(wait)
        if self.readyState != "live":
            raise MediaStreamError
        number = self._clock.take(now())
        try:
            samples = self._sink.pull() if self._sink is not None else self._silence
        except Exception as error:
            logger.exception("a call ended because the agent's voice could not be pulled")
            self._failed(f"the agent's voice failed: {error}")
            raise MediaStreamError from error
        packet = self._voice.encode(samples)
        packet.pts, packet.time_base = number * FRAME_SAMPLES, _TIME_BASE
        return packet


class VoiceEncoder:
    """Encodes 20 ms of a voice at a time to Opus.

    Most of the time an agent is silent, and digital silence costs libopus more than speech (0.16 ms a frame). Once some
    frames of it are encoded, further ones are the same packet and leave encoder and decoder as they are: it is sent
    again without being encoded.
    """

    def __init__(self) -> None:
        self._encoder: Any = CodecContext.create("libopus", "w")
        self._encoder.format, self._encoder.layout = "s16", "mono"
        self._encoder.sample_rate = OUTPUT_SAMPLE_RATE
        self._encoder.bit_rate = OPUS_BIT_RATE
        # "lowdelay" looks 2.5 ms ahead instead of 6.5. Level 5 of 10 is two thirds of the work.
        self._encoder.options = {"application": "lowdelay", "frame_duration": "20", "compression_level": "5"}
        self._silent_frames = 0
        self._silence = b""

    def encode(self, samples: Samples) -> Packet[Any]:
        """The packet of int16 samples, shape (960,), 48 kHz."""
        self._silent_frames = 0 if samples.any() else self._silent_frames + 1
        if self._silent_frames > SETTLED_FRAMES:
            return Packet(self._silence)
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate = OUTPUT_SAMPLE_RATE
        packet: Packet[Any]
        (packet,) = self._encoder.encode(frame)
        if self._silent_frames == SETTLED_FRAMES:
            self._silence = bytes(packet)
        return packet


class Microphone:
    """Decodes the Opus packets of a voice to mono at 48 kHz, and fills with silence what was lost between them."""

    def __init__(self) -> None:
        self._decoder: Any = CodecContext.create("libopus", "r")
        self._decoder.format, self._decoder.layout = "s16", "mono"
        self._decoder.sample_rate = OUTPUT_SAMPLE_RATE
        self._continuity = Continuity()

    def decode(self, data: bytes, timestamp: int) -> list[Samples]:
        """The sound of a packet, int16, in one or more pieces; of one that is damaged, none."""
        try:
            frames = self._decoder.decode(Packet(data))
        except FFmpegError as error:
            logger.debug("a packet that is no Opus: %s", error)
            return []
        pieces: list[Samples] = []
        for frame in frames:
            missing = self._continuity.missing(timestamp, frame.samples)
            if missing:
                pieces.append(np.zeros(missing, dtype=np.int16))
            pieces.append(np.frombuffer(frame.planes[0], dtype=np.int16, count=frame.samples))
            timestamp += frame.samples
        return pieces


class BrowserCall:
    """The connection of one browser. `answer` begins it; `close` frees everything.

    `private`: it has no port that can be reached from outside of this machine.
    """

    def __init__(self, participant: Participant, listener: CallListener, *, private: bool = True) -> None:
        self.participant = participant
        self._listener = listener
        self._private = private
        self._connection = VoiceConnection(self, f"the connection of {participant.id}")
        self._voice = AgentTrack(self._end)
        self._microphone = Microphone()
        self._sink: CallSink | None = None
        accept_rsa(self._connection.rtc)
        self._deadline: asyncio.TimerHandle | None = None
        self._connected = False
        self._over = False

    async def answer(self, offer: str) -> str:
        """Answer the SDP of an offer with the SDP of the answer. Raises OfferError if that cannot be."""
        check_offer(offer)
        rtc = self._connection.rtc
        rtc.addTrack(self._voice)
        rtc.getTransceivers()[0].setCodecPreferences(_OPUS)
        try:
            await rtc.setRemoteDescription(RTCSessionDescription(_HIDDEN_ADDRESS.sub(_shown, offer), "offer"))
            gather_on_loopback(rtc, only=self._private)
            guard_datagrams(rtc)
            await rtc.setLocalDescription(await rtc.createAnswer())
        except Exception as error:
            raise OfferError(f"the offer cannot be answered: {error}") from error
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(
            CONNECT_TIMEOUT, self._end, f"the browser could not be reached within {CONNECT_TIMEOUT:.0f} s"
        )
        answer: str = rtc.localDescription.sdp
        return answer

    def serve(self, sink: CallSink) -> None:
        """Let sound flow between the browser and `sink`."""
        self._sink = sink
        self._voice.play(sink)

    def mute(self) -> None:
        """Stop the sound, both ways and at once."""
        self._sink = None
        self._voice.play(None)

    async def close(self) -> None:
        """End the connection and everything that belongs to it. Harmless twice."""
        self.mute()
        self._over = True
        if self._deadline is not None:
            self._deadline.cancel()
        await self._connection.close()

    # ConnectionListener.

    def changed(self, state: str) -> None:
        """It is connected, or broke."""
        if state == "connected" and not self._connected and not self._over:
            self._connected = True
            if self._deadline is not None:
                self._deadline.cancel()
            self._listener.connected(self)
        elif state == "failed":
            self._end("the connection to the browser broke" if self._connected else "the browser could not be reached")
        elif state == "closed":
            self._end(None)

    def hung_up(self) -> None:
        """The browser has ended it."""
        self._end(None)

    def heard(self, data: bytes, timestamp: int) -> None:
        """A packet of the microphone."""
        if self._sink is None:
            return
        try:
            for samples in self._microphone.decode(data, timestamp):
                self._sink.audio(PcmData(samples, OUTPUT_SAMPLE_RATE), self.participant)
        except Exception as error:
            logger.exception("a call ended because its audio could not be taken")
            self._end(f"the agent could not take the audio: {error}")

    # Inside.

    def _end(self, error: str | None) -> None:
        if not self._over:
            self._over = True
            self.mute()
            self._listener.over(self, error)


def check_offer(offer: str) -> None:
    """Raise OfferError unless this has one stream of audio and nothing else: what nobody takes would pile up."""
    try:
        kinds = [media.kind for media in SessionDescription.parse(offer).media]
    except Exception as error:
        raise OfferError(f"that is no SDP: {error}") from error
    if kinds != ["audio"]:
        raise OfferError(f"an offer has exactly one audio stream, this one has {', '.join(kinds) or 'none'}")


def _shown(candidate: re.Match[str]) -> str:
    return f"{candidate[1]}{LOOPBACK}"
