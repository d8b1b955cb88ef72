"""Stream's SFU: signalling over a websocket and Twirp, both protobuf, and media by aiortc."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from collections import defaultdict
from typing import Any

from aiohttp import WSMsgType, web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from getstream.video.rtc.pb.stream.video.sfu.event import events_pb2 as ev
from getstream.video.rtc.pb.stream.video.sfu.models import models_pb2 as md
from getstream.video.rtc.pb.stream.video.sfu.signal_rpc import signal_pb2 as rpc

from vision_agents.plugins.local.jitter import PassingBuffer

from .person import Person

logger = logging.getLogger(__name__)

PROTOBUF = "application/protobuf"
# A client that does not say for so long that it is alive is gone.
HEALTH = 20.0
OPUS = md.Codec(
    payload_type=111, name="opus", clock_rate=48_000, encoding_parameters="2", fmtp="minptime=10;useinbandfec=1"
)
PUBLISH_OPTIONS = [md.PublishOption(track_type=md.TRACK_TYPE_AUDIO, codec=OPUS, bitrate=64_000, id=1)]
_CANDIDATE = re.compile(r"(?m)^a=candidate:.*\r?\n")
_MSID = re.compile(r"(?m)^a=msid:\S+ (\S+)")


class Refusal(Exception):
    """What the service would not take."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Session:
    """One connection of the agent to the SFU."""

    def __init__(self, socket: web.WebSocketResponse, request: Any, user_id: str) -> None:
        self.socket = socket
        self.id: str = request.session_id
        self.token: str = request.token
        self.user_id = user_id
        self.publisher: RTCPeerConnection | None = None
        self.subscriber: RTCPeerConnection | None = None
        self.published: list[str] = []
        # Until its track is announced.
        self.muted = True
        self.offered: list[str] = []
        self.answered = asyncio.Event()
        self.candidates: dict[int, list[Any]] = defaultdict(list)
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def participant(self) -> Any:
        return md.Participant(user_id=self.user_id, session_id=self.id, track_lookup_prefix=f"prefix-{self.id}")

    async def send(self, **payload: Any) -> None:
        if not self.socket.closed:
            await self.socket.send_bytes(ev.SfuEvent(**payload).SerializeToString())

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)
        for connection in (self.publisher, self.subscriber):
            if connection is not None:
                await connection.close()


class Sfu:
    """The agent's connections and the people in the call. `grants` are the tokens that the coordinator gave out.

    `seal`: media find no way (no candidate is taken or given), to see what waits for them. `refuse_joins`: nobody may
    join. `refusals` is what was not taken.
    """

    def __init__(self) -> None:
        self.grants: dict[str, tuple[str, str]] = {}
        self.sessions: dict[str, Session] = {}
        self.people: dict[str, Person] = {}
        self.joins: list[Any] = []
        self.refusals: list[str] = []
        self.seal = False
        self.refuse_joins = False

    @property
    def open(self) -> int:
        """Sockets and media connections that are open."""
        return sum(
            (not each.socket.closed) + (each.publisher is not None) + (each.subscriber is not None)
            for each in list(self.sessions.values())
        )

    def routes(self, app: web.Application) -> None:
        """Serve it all."""
        app.router.add_get("/sfu/ws", self._websocket)
        app.router.add_post("/twirp/stream.video.sfu.signal.SignalServer/{method}", self._twirp)

    # What happens in the call.

    async def enter(self, person: Person) -> None:
        """Somebody comes, with an open microphone."""
        self.people[person.session_id] = person
        for session in list(self.sessions.values()):
            await session.send(participant_joined=ev.ParticipantJoined(participant=_participant(person)))
            await session.send(
                track_published=ev.TrackPublished(
                    user_id=person.user_id, session_id=person.session_id, type=md.TRACK_TYPE_AUDIO
                )
            )
            await self._offer(session)

    async def depart(self, person: Person) -> None:
        """Somebody goes."""
        del self.people[person.session_id]
        for session in list(self.sessions.values()):
            await session.send(
                track_unpublished=ev.TrackUnpublished(
                    user_id=person.user_id, session_id=person.session_id, type=md.TRACK_TYPE_AUDIO
                )
            )
            await session.send(participant_left=ev.ParticipantLeft(participant=_participant(person)))

    async def forget(self) -> None:
        """Everybody goes, and nobody is told."""
        self.people.clear()

    async def end(self) -> None:
        """The call is ended for all."""
        for session in list(self.sessions.values()):
            await session.send(call_ended=ev.CallEnded(reason=md.CALL_ENDED_REASON_ENDED))

    async def grant(self, speaking: bool) -> None:
        """Give the agent the right to speak, or take it."""
        grants = md.CallGrants(can_publish_audio=speaking, can_publish_video=True, can_screenshare=True)
        for session in list(self.sessions.values()):
            await session.send(call_grants_updated=ev.CallGrantsUpdated(current_grants=grants, message="by the host"))

    async def unseal(self) -> None:
        """Media find their way now."""
        self.seal = False
        for session in list(self.sessions.values()):
            await self._add_candidates(session)
            assert session.publisher is not None
            for candidate in _CANDIDATE.findall(session.publisher.localDescription.sdp):
                line = {"candidate": candidate.strip().removeprefix("a="), "sdpMid": "0", "sdpMLineIndex": 0}
                await session.send(
                    ice_trickle=md.ICETrickle(
                        peer_type=md.PEER_TYPE_PUBLISHER_UNSPECIFIED,
                        ice_candidate=json.dumps(line),
                        session_id=session.id,
                    )
                )

    async def cut(self) -> None:
        """Break the signalling of all, without a goodbye."""
        for session in list(self.sessions.values()):
            transport = session.socket._req.transport if session.socket._req is not None else None
            if transport is not None:
                transport.abort()

    async def close(self) -> None:
        for session in list(self.sessions.values()):
            await session.close()
        self.sessions.clear()

    # Signalling.

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        session: Session | None = None
        try:
            session = await self._join(request, socket)
            while True:
                message = await socket.receive(HEALTH)
                if message.type != WSMsgType.BINARY:
                    break
                asked = ev.SfuRequest.FromString(message.data)
                kind = asked.WhichOneof("request_payload")
                if kind == "health_check_request":
                    await session.send(health_check_response=ev.HealthCheckResponse())
                elif kind == "leave_call_request" and asked.leave_call_request.session_id == session.id:
                    break
                else:
                    raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, f"{kind} is not expected here")
        except Refusal as refusal:
            await self._refuse(socket, refusal)
        except TimeoutError:
            logger.info("a client gave no sign of life")
        finally:
            if session is not None:
                self.sessions.pop(session.id, None)
                await asyncio.shield(session.close())
            await socket.close()
        return socket

    async def _join(self, request: web.Request, socket: web.WebSocketResponse) -> Session:
        message = await socket.receive(HEALTH)
        asked = ev.SfuRequest.FromString(message.data) if message.type == WSMsgType.BINARY else ev.SfuRequest()
        if asked.WhichOneof("request_payload") != "join_request":
            raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, "the first message is a join request")
        join = asked.join_request
        if self.refuse_joins:
            raise Refusal(md.ERROR_CODE_PERMISSION_DENIED, "nobody may join now")
        grant = self.grants.get(join.token)
        if grant is None:
            raise Refusal(md.ERROR_CODE_UNAUTHENTICATED, "the token is none of the coordinator's")
        user_id, cid = grant
        query = request.query
        if (query.get("user_id"), query.get("cid"), query.get("user_session_id")) != (user_id, cid, join.session_id):
            raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, "the query says something else than the message")
        for sdp in (join.subscriber_sdp, join.publisher_sdp):
            if "m=audio" not in sdp or "opus/48000/2" not in sdp:
                raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, "an SDP says what can be coded")
        self.joins.append(join)
        session = Session(socket, join, user_id)
        state = md.CallState(
            participants=[_participant(person) for person in self.people.values()] + [session.participant],
            participant_count=md.ParticipantCount(total=len(self.people) + 1),
        )
        self.sessions[session.id] = session
        await session.send(
            join_response=ev.JoinResponse(
                call_state=state, fast_reconnect_deadline_seconds=0, publish_options=PUBLISH_OPTIONS
            )
        )
        if self.people:
            self._spawn(session, self._offer(session))
        return session

    async def _refuse(self, socket: web.WebSocketResponse, refusal: Refusal) -> None:
        self.refusals.append(str(refusal))
        error = md.Error(code=refusal.code, message=str(refusal), should_retry=False)
        strategy = md.WEBSOCKET_RECONNECT_STRATEGY_DISCONNECT
        await socket.send_bytes(
            ev.SfuEvent(error=ev.Error(error=error, reconnect_strategy=strategy)).SerializeToString()
        )

    async def _twirp(self, request: web.Request) -> web.Response:
        handlers: dict[str, tuple[Any, Any, Any]] = {
            "SetPublisher": (rpc.SetPublisherRequest, rpc.SetPublisherResponse, self._set_publisher),
            "SendAnswer": (rpc.SendAnswerRequest, rpc.SendAnswerResponse, self._take_answer),
            "IceTrickle": (md.ICETrickle, rpc.ICETrickleResponse, self._take_candidate),
            "UpdateSubscriptions": (
                rpc.UpdateSubscriptionsRequest,
                rpc.UpdateSubscriptionsResponse,
                self._update_subscriptions,
            ),
            "UpdateMuteStates": (rpc.UpdateMuteStatesRequest, rpc.UpdateMuteStatesResponse, self._mute),
            "SendStats": (rpc.SendStatsRequest, rpc.SendStatsResponse, None),
        }
        method = request.match_info["method"]
        if method not in handlers or request.content_type != PROTOBUF:
            return web.json_response({"code": "bad_route", "msg": f"no {method} of {request.content_type}"}, status=404)
        takes, gives, handle = handlers[method]
        asked = takes.FromString(await request.read())
        session = self.sessions.get(asked.session_id)
        if method == "SendStats" and request.headers.get("Authorization", "").removeprefix("Bearer ") in self.grants:
            # The last ones come after the farewell.
            return web.Response(body=gives().SerializeToString(), content_type=PROTOBUF)
        if session is None or request.headers.get("Authorization") != f"Bearer {session.token}":
            self.refusals.append(f"{method} of no session")
            return web.json_response({"code": "unauthenticated", "msg": "no such session"}, status=401)
        try:
            answer = await handle(session, asked) or gives()
        except Refusal as refusal:
            self.refusals.append(str(refusal))
            answer = gives(error=md.Error(code=refusal.code, message=str(refusal)))
        return web.Response(body=answer.SerializeToString(), content_type=PROTOBUF)

    async def _set_publisher(self, session: Session, asked: Any) -> Any:
        mids = re.findall(r"(?m)^a=mid:(\S+)", asked.sdp)
        for track in asked.tracks:
            if track.track_type != md.TRACK_TYPE_AUDIO or track.mid not in mids:
                raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, "a track is not in the SDP, or no audio")
            if track.publish_option_id != 1 or track.codec.name.lower() != "opus":
                raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, "a track fits no publish option")
        tracks = [track.track_id for track in asked.tracks]
        if not tracks or (session.published and session.published != tracks):
            raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, "the envelope of the tracks has changed")
        if session.publisher is None:
            session.publisher = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            session.publisher.on("track", lambda track: self._spawn(session, self._hear(session, track)))
        connection = session.publisher
        await connection.setRemoteDescription(RTCSessionDescription(asked.sdp, "offer"))
        await self._add_candidates(session)
        session.published = tracks
        await connection.setLocalDescription(await connection.createAnswer())
        sdp = connection.localDescription.sdp
        return rpc.SetPublisherResponse(sdp=_CANDIDATE.sub("", sdp) if self.seal else sdp, session_id=session.id)

    async def _hear(self, session: Session, track: Any) -> None:
        assert session.publisher is not None
        # At once to the decoder: when something comes is what is measured here.
        # aiortc's own buffer lags ever more when packets are lost.
        session.publisher.getReceivers()[0]._RTCRtpReceiver__jitter_buffer = PassingBuffer()
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if not session.muted:
                for person in self.people.values():
                    person.hear(frame)

    async def _offer(self, session: Session) -> None:
        """Offer the media of those who are in the call and were not offered yet."""
        if session.subscriber is None:
            session.subscriber = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        new = [person for person in self.people.values() if person.session_id not in session.offered]
        for person in new:
            session.subscriber.addTransceiver(person.mouth(), "sendonly")
            session.offered.append(person.session_id)
        session.answered.clear()
        await session.subscriber.setLocalDescription(await session.subscriber.createOffer())
        streams = iter([f"prefix-{session_id}:TRACK_TYPE_AUDIO" for session_id in session.offered])
        sdp = _MSID.sub(lambda found: f"a=msid:{next(streams)} {found[1]}", session.subscriber.localDescription.sdp)
        await session.send(subscriber_offer=ev.SubscriberOffer(sdp=sdp))
        await asyncio.wait_for(session.answered.wait(), HEALTH)

    async def _take_answer(self, session: Session, asked: Any) -> None:
        if session.subscriber is None or asked.peer_type != md.PEER_TYPE_SUBSCRIBER:
            raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, "nothing was offered")
        if session.answered.is_set():
            raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, "the offer is answered already")
        await session.subscriber.setRemoteDescription(RTCSessionDescription(asked.sdp, "answer"))
        await self._add_candidates(session)
        session.answered.set()

    async def _take_candidate(self, session: Session, asked: Any) -> None:
        described = json.loads(asked.ice_candidate)
        text = described.get("candidate", "")
        if not text.startswith("candidate:"):
            raise Refusal(md.ERROR_CODE_REQUEST_VALIDATION_FAILED, "that is no candidate")
        candidate = candidate_from_sdp(text.removeprefix("candidate:"))
        candidate.sdpMid, candidate.sdpMLineIndex = described.get("sdpMid"), described.get("sdpMLineIndex")
        session.candidates[asked.peer_type].append(candidate)
        await self._add_candidates(session)

    async def _add_candidates(self, session: Session) -> None:
        """Use what has come, where the description has come too: the client sends them in any order."""
        peers = {md.PEER_TYPE_SUBSCRIBER: session.subscriber, md.PEER_TYPE_PUBLISHER_UNSPECIFIED: session.publisher}
        for kind, connection in peers.items():
            if connection is not None and connection.remoteDescription is not None and not self.seal:
                while session.candidates[kind]:
                    await connection.addIceCandidate(session.candidates[kind].pop(0))

    async def _update_subscriptions(self, session: Session, asked: Any) -> None:
        for track in asked.tracks:
            if track.session_id not in self.people:
                raise Refusal(md.ERROR_CODE_PARTICIPANT_NOT_FOUND, f"{track.session_id} is not here")

    async def _mute(self, session: Session, asked: Any) -> None:
        for state in asked.mute_states:
            if state.track_type == md.TRACK_TYPE_AUDIO:
                session.muted = state.muted

    def _spawn(self, session: Session, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        session.tasks.add(task)
        task.add_done_callback(session.tasks.discard)


def _participant(person: Person) -> Any:
    return md.Participant(
        user_id=person.user_id,
        session_id=person.session_id,
        name=person.name,
        track_lookup_prefix=person.prefix,
        published_tracks=[md.TRACK_TYPE_AUDIO],
    )


def new_token() -> str:
    """A token for the SFU."""
    return secrets.token_hex(16)
