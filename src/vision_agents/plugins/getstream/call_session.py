"""One stay in a call: who is there, what they say, what the agent says, and how the connection does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import getstream_rtc
import numpy as np

from vision_agents.core.audio import PcmData
from vision_agents.core.edge import CallSink
from vision_agents.core.participants import Participant
from vision_agents.core.tasks import GRACE, Tasks, bounded

from .account import StreamError, explained
from .agent_audio import AgentAudio
from .slots import CLOCK_RATE, Timeline

logger = logging.getLogger(__name__)

State = getstream_rtc.CallingState

# Joining, with the attempts of the SDK, and until the first audio can be sent; in seconds.
JOIN_TIMEOUT = 45.0


class CallSession:
    """Serves `sink` in `call`, as the user `user_id`. `begin` it once, and `end` it."""

    def __init__(self, call: getstream_rtc.Call, user_id: str, sink: CallSink, disconnection_timeout: float) -> None:
        self._call = call
        self._user_id = user_id
        self._sink = sink
        self._disconnection_timeout = disconnection_timeout
        self._voice = AgentAudio(sink)
        self._present: dict[str, Participant] = {}
        self._tasks = Tasks()
        self._speaking: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        # The right to speak was withdrawn.
        self._muted = False
        self._begun = False
        self._over = False
        # Why the call ends, as far as the service has said.
        self._ended = False
        self._complaint = ""

    async def begin(self, create: bool) -> None:
        """Join, and return when the agent can be heard. Raises StreamError."""
        # Before the join, so that nothing of it is missed.
        events = self._call.client_events(), self._call.sfu_events(), self._call.coordinator_events()
        tracks = self._call.tracks()
        try:
            async with asyncio.timeout(JOIN_TIMEOUT):
                await self._call.join(self._user_id, create)
                self._meet_all()
                self._spawn(self._follow(events), "events of the call")
                self._spawn(self._follow_tracks(tracks), "tracks of the call")
                await self._call.publish_audio(self._voice.track)
                self._speaking = self._spawn(self._speak(), "the agent's voice")
                await self._until_heard(self._speaking)
            self._begun = True
            if not self._present:
                self._voice.pause()  # What is pulled counts as heard, and nobody is there to hear it.
        except Exception as error:
            raise explained(error, "the call could not be joined") from error

    async def end(self) -> None:
        """Leave, and free everything. Harmless twice."""
        self._over = True
        self._voice.pause()
        if self._deadline is not None:
            self._deadline.cancel()
        await bounded(_awaited(self._call.leave()), "leaving a Stream call")
        # By now the SDK's streams have ended, and most of these with them.
        await self._tasks.close()

    async def _until_heard(self, speaking: asyncio.Task[None]) -> None:
        flowing = asyncio.ensure_future(self._voice.flowing.wait())
        try:
            await asyncio.wait([flowing, speaking], return_when=asyncio.FIRST_COMPLETED)
        finally:
            flowing.cancel()
        if self._over:
            raise StreamError(self._complaint or "Stream ended the call while the agent joined it")

    # What the SDK tells.

    async def _follow(self, streams: tuple[getstream_rtc.EventStream, ...]) -> None:
        # They end with the call, each after its last event: only then is it known why.
        await asyncio.gather(*(self._follow_events(events) for events in streams))
        why = self._complaint or "the connection could not be restored"
        self._finish(None if self._ended else StreamError(f"Stream ended the call: {why}"))

    async def _follow_events(self, events: getstream_rtc.EventStream) -> None:
        async for event in events:
            match event:
                case getstream_rtc.CallingStateChanged():
                    self._take_state(event.state)
                case getstream_rtc.ParticipantJoined():
                    self._meet(event.participant)
                case getstream_rtc.ParticipantLeft():
                    self._miss(event.participant.session_id)
                case getstream_rtc.EventsLagged():
                    # Too many came: what was missed shows in how things are.
                    self._take_state(self._call.calling_state)
                    self._meet_all()
                case getstream_rtc.CallGrantsUpdated() if event.current_grants is not None:
                    await self._take_grant(event.current_grants.can_publish_audio)
                case getstream_rtc.Error():
                    self._complaint = event.error.message
                case getstream_rtc.CallEnded():
                    self._ended = True
                case getstream_rtc.CoordinatorEvent() if event.name == "call.ended":
                    self._ended = True
                case _:
                    pass

    def _take_state(self, state: getstream_rtc.CallingState) -> None:
        if self._over:
            return
        if state in (State.RECONNECTING, State.MIGRATING):
            self._away()
        elif state == State.JOINED:
            self._back()
        elif state == State.RECONNECTING_FAILED:
            self._finish(StreamError(f"the connection to Stream broke and could not be restored. {self._complaint}"))

    def _away(self) -> None:
        """The connection is lost. Nobody hears the agent: its voice waits."""
        if self._deadline is None:
            logger.warning("the connection to Stream is lost; reconnecting")
            self._voice.pause()
            self._deadline = asyncio.get_running_loop().call_later(
                self._disconnection_timeout,
                self._finish,
                StreamError(f"the connection to Stream was lost for {self._disconnection_timeout:.0f} s"),
            )

    def _back(self) -> None:
        if self._deadline is not None:
            logger.warning("the connection to Stream is back")
            self._deadline.cancel()
            self._deadline = None
            self._complaint = ""
            self._resume()

    async def _take_grant(self, speaking: bool) -> None:
        """The agent may speak, or may not any more: the SDK mutes it then, and does not undo that by itself."""
        if not speaking:
            logger.warning("the agent may not speak in this call any more: its voice waits")
            self._muted = True
            self._voice.pause()
        elif self._muted:
            await self._call.unmute_track(getstream_rtc.TrackType.AUDIO)
            self._muted = False
            self._resume()

    def _resume(self) -> None:
        if self._deadline is None and self._present and not self._muted and not self._over:
            self._voice.resume()

    async def _follow_tracks(self, tracks: getstream_rtc.TrackStream) -> None:
        while True:
            try:
                track = await anext(tracks)
            except StopAsyncIteration:
                return
            except getstream_rtc.RtcError as error:
                logger.warning("somebody in the call is not heard: %s", error)
                continue
            # A screen's sound is nobody's voice. What nobody holds any more is unsubscribed.
            if track.track_type == getstream_rtc.TrackType.AUDIO:
                self._spawn(self._listen(track), f"microphone of {track.participant.user_id}")
            del track

    # Who is there.

    def _meet_all(self) -> None:
        present = {each.session_id: each for each in self._call.participants()}
        for session_id in [each for each in self._present if each not in present]:
            self._miss(session_id)
        for each in present.values():
            self._meet(each)

    def _meet(self, remote: getstream_rtc.RemoteParticipant) -> Participant | None:
        """The participant that it is; None for the agent itself, also where a lost session of it lingers."""
        if remote.user_id == self._user_id or not remote.session_id or self._over:
            return None
        if remote.session_id not in self._present:
            participant = Participant(remote.user_id, remote.session_id, remote.name)
            self._present[remote.session_id] = participant
            self._sink.participant_joined(participant)
            self._resume()
        return self._present[remote.session_id]

    def _miss(self, session_id: str) -> None:
        participant = self._present.pop(session_id, None)
        if participant is not None and not self._over:
            self._sink.participant_left(participant)
            if self._begun and not self._present:
                self._voice.pause()

    # What is heard and said.

    async def _listen(self, track: getstream_rtc.RemoteTrack) -> None:
        remote = track.participant
        participant = self._meet(remote)
        if participant is None and remote.user_id != self._user_id:
            logger.warning("somebody is not heard, because Stream does not say who it is")
        timeline = Timeline()
        coming: asyncio.Future[getstream_rtc.PcmFrame | None] | None = None
        try:
            while participant is not None and not self._over:
                coming = coming or asyncio.ensure_future(track.next_pcm())
                if timeline.patience is not None:
                    await asyncio.wait([coming], timeout=timeline.patience)
                    if not coming.done():
                        self._hear(PcmData(np.zeros(timeline.silence(), np.int16), CLOCK_RATE), participant)
                        continue
                frame, coming = await coming, None
                if frame is None:
                    return
                self._hear(_filled(frame, timeline), participant)
        finally:
            if coming is not None:
                coming.cancel()

    def _hear(self, audio: PcmData, participant: Participant) -> None:
        if participant.session_id in self._present and not self._over:
            self._sink.audio(audio, participant)

    async def _speak(self) -> None:
        try:
            await self._voice.run()
        except getstream_rtc.IllegalStateError:
            # The SDK stopped the track: the call is over, and it says so, or the right to speak was withdrawn.
            await asyncio.sleep(GRACE)
            self._finish(StreamError("the agent may not speak in this call any more: check its grants"))
        except Exception as error:
            if not isinstance(error, StreamError):
                logger.exception("a call ended because the agent's voice failed")
            self._finish(error)

    # The end.

    def _finish(self, error: BaseException | None) -> None:
        """The call is over, and not because the agent left."""
        if self._over:
            return
        self._over = True
        self._complaint = str(error or "")
        self._voice.pause()
        if self._speaking is not None:
            self._speaking.cancel()
        if self._deadline is not None:
            self._deadline.cancel()
        # The SDK would try for ever.
        self._spawn(_awaited(self._call.leave()), "leaving a Stream call")
        if self._begun:
            self._sink.ended(error)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = self._tasks.spawn(work, name)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._finish(explained(error, f"{task.get_name()} failed"))


def _filled(frame: getstream_rtc.PcmFrame, timeline: Timeline) -> PcmData:
    """A frame of the SDK's as mono, with the silence that belongs before it."""
    samples = frame.samples
    if frame.channels > 1:
        samples = samples.reshape(-1, frame.channels)
    audio = PcmData.from_array(samples, frame.sample_rate)
    missing = timeline.missing(frame.pts, len(audio))
    return audio if not missing else PcmData.concat([PcmData(np.zeros(missing, np.int16), CLOCK_RATE), audio])


async def _awaited(work: Any) -> None:
    """The SDK's awaitables are no coroutines."""
    await work
