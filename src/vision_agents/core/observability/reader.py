"""Reading a trace: records in, the story of the call out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from ..floor.evidence import Vote
from ..floor.trace import Record, TraceError
from .story import Challenge, Decision, LateClock, ReplyStory, Speech, SpokenTurn, Story, Told
from .words import timing_of, utterances_of

# The rate in Hz at which positions in replies are counted: that of the playout.
OUTPUT_RATE = 48_000


def read_story(records: Iterable[Record]) -> Story:
    """Read a trace. Raises TraceError if it is none, or has records that lack what they should have."""
    records = list(records)
    head = next((record for record in records if record.get("note") == "session"), None)
    if head is None:
        raise TraceError("the trace has no session record: it is not the trace of a call, or its beginning is lost")
    reader = _Reader(records)
    for number, record in enumerate(records, 1):
        try:
            reader.take(record)
        except (KeyError, TypeError, ValueError) as error:
            raise TraceError(f"record {number} of the trace cannot be understood: {error!r}") from None
    return reader.finish()


def recording_offset(records: Iterable[Record]) -> float:
    """What to take from a trace's times to get those of the recording: when, in the trace, its first sample was due."""
    return next((float(record["t"]) for record in records if record.get("note") == "recording"), 0.0)


class _Reader:
    """Folds records into a story, one method for each kind that tells something."""

    def __init__(self, records: list[Record]) -> None:
        self.story = Story(offset=recording_offset(records), epochs=[(0.0, 0)])
        self._now = 0.0
        self._epoch = 0
        self._replies: dict[int, ReplyStory] = {}
        self._open: Challenge | None = None
        # By participant: what was taken for no interruption, as long as its words may still come.
        self._refused: dict[str | None, Challenge] = {}
        # By participant: the speech that runs, the turn that it belongs to, and the words known of it.
        self._speech: dict[str, Speech] = {}
        self._turns: dict[str, SpokenTurn] = {}
        self._final: dict[str, list[str]] = {}
        self._partial: dict[str, str] = {}

    def take(self, record: Mapping[str, Any]) -> None:
        self._now = float(record["t"]) - self.story.offset
        self.story.duration = max(self.story.duration, self._now)
        name = record.get("event") or record.get("effect") or record.get("note")
        handler = _HANDLERS.get(str(name))
        if handler is not None:
            handler(self, record)

    def finish(self) -> Story:
        story = self.story
        for speech in self._speech.values():
            speech.end = max(speech.end, speech.start)
        for participant in list(self._turns):
            self._close_turn(participant, None)
        story.turns.sort(key=lambda turn: turn.start)
        story.replies = sorted(self._replies.values(), key=lambda reply: reply.begun)
        return story

    # Speech.

    def _speech_started(self, record: Mapping[str, Any]) -> None:
        start = self._now - float(record.get("onset_delay", 0.0))
        participant = record["participant"]
        speech = self._speech[participant] = Speech(participant, start, self._now)
        self.story.speech.append(speech)
        turn = self._turns.setdefault(participant, SpokenTurn(participant, start, self._now, "", False))
        turn.end = self._now

    def _turn_started(self, record: Mapping[str, Any]) -> None:
        if record["participant"] not in self._turns:
            self._speech_started(record)

    def _speech_continued(self, record: Mapping[str, Any]) -> None:
        self._extend_speech(record["participant"], self._now)

    def _speech_ended(self, record: Mapping[str, Any]) -> None:
        self._extend_speech(record["participant"], self._now - float(record["trailing_silence"]), over=True)

    def _turn_ended(self, record: Mapping[str, Any]) -> None:
        # For detectors that report turns and no windows; otherwise the speech is over already.
        if record["participant"] in self._speech:
            self._speech_ended(record)

    def _extend_speech(self, participant: str, end: float, over: bool = False) -> None:
        speech = self._speech.get(participant)
        if speech is None:
            return
        speech.end = max(end, speech.start) if over else max(speech.end, end)
        if participant in self._turns:
            self._turns[participant].end = speech.end
        if over:
            del self._speech[participant]

    # Words and turns.

    def _words(self, record: Mapping[str, Any]) -> None:
        participant, text = record["participant"], str(record["text"]).strip()
        if record["final"]:
            self._final.setdefault(participant, []).append(text)
            text = ""
        self._partial[participant] = text
        if self._open is not None and self._open.participant == participant:
            self._open.said = self._text(participant)

    def _text(self, participant: str) -> str:
        words = (*self._final.get(participant, ()), self._partial.get(participant, ""))
        return " ".join(word for word in words if word)

    def _record_turn(self, record: Mapping[str, Any]) -> None:
        self._close_turn(record["participant"], str(record["text"]))

    def _turn_discarded(self, record: Mapping[str, Any]) -> None:
        self._close_turn(record["participant"], None)

    def _close_turn(self, participant: str, text: str | None) -> None:
        """`text` is None if it was no turn."""
        known = self._text(participant)
        self._refused.pop(participant, None)
        self._final.pop(participant, None)
        self._partial.pop(participant, None)
        turn = self._turns.pop(participant, None)
        if turn is None:
            if text is None:
                return
            # A realtime model's transcript, later than the speech that it is of.
            turn = SpokenTurn(participant, self._now, self._now, "", False)
        turn.text, turn.taken = (known, False) if text is None else (text, True)
        self.story.turns.append(turn)
        for challenge in reversed(self.story.challenges):
            if challenge.participant == participant and challenge.onset is not None and challenge.onset >= turn.start:
                challenge.said = turn.text
                break

    # The agent's voice.

    def _reply_begun(self, record: Mapping[str, Any]) -> None:
        number = int(record["reply"])
        answer = bool(record.get("answer", True))
        last = max(self.story.speech, key=lambda speech: speech.end, default=None)
        continues = record.get("continues")
        self._replies[number] = ReplyStory(
            number, int(record.get("epoch", self._epoch)), answer, self._now, continues, last.end if last else None
        )
        if continues is not None:
            self._continued(number, int(continues))

    def _continued(self, number: int, cut: int) -> None:
        """The latest interruption of the reply that was cut, or of one that was to say its rest, was none after all."""
        same = {cut, *(reply.number for reply in self._replies.values() if reply.continues == cut)}
        commits = (c for c in reversed(self.story.challenges) if c.decision == "commit" and c.reply in same)
        latest = next(commits, None)
        if latest is not None:
            latest.continued_by = number

    def _audio_started(self, record: Mapping[str, Any]) -> None:
        reply = self._replies.get(int(record["reply"]))
        if reply is not None:
            reply.started = self._now

    def _audio_drained(self, record: Mapping[str, Any]) -> None:
        self._end_reply(int(record["reply"]), "heard")
        self._decide_for(int(record["reply"]), "the reply was over")

    def _reply_dropped(self, record: Mapping[str, Any]) -> None:
        self._end_reply(int(record["reply"]), "dropped")
        self._decide_for(int(record["reply"]), f"the reply was dropped: {record['reason']}")

    def _end_reply(self, number: int, end: Literal["heard", "interrupted", "dropped"]) -> None:
        reply = self._replies.get(number)
        if reply is not None and reply.ended is None:
            reply.ended, reply.end = self._now, end

    def _agent_words(self, record: Mapping[str, Any]) -> None:
        reply = self._replies.get(int(record["reply"]))
        if reply is None:
            return
        reply.heard, reply.unheard = str(record["heard"]), str(record["unheard"])
        latest = self.story.challenges[-1] if self.story.challenges else None
        if latest is None or latest.reply != reply.number:
            return
        # What stood at the decision: the words up to it, and where it ended the reply, the last count of them.
        if latest.decided is None or (record["done"] and latest.decision != "resume"):
            latest.heard, latest.unheard = reply.heard, reply.unheard

    def _heard(self, record: Mapping[str, Any]) -> None:
        reply = self._replies.get(int(record["reply"]))
        if reply is not None:
            reply.heard_seconds, reply.estimated = float(record["seconds"]), bool(record["estimated"])
            if "utterances" in record:
                reply.timing = timing_of(utterances_of(record["utterances"]))
        # The playout's own count since the beginning: the least that there was, where nobody told of each.
        self.story.stale_chunks = max(self.story.stale_chunks, int(record.get("stale_chunks", 0)))

    # Interruptions.

    def _hold(self, record: Mapping[str, Any]) -> None:
        participant = str(record["participant"])
        self._begin_challenge(int(record["reply"]), participant, self._now)

    def _begin_challenge(self, number: int, participant: str | None, hold: float | None) -> Challenge:
        speech = next((s for s in reversed(self.story.speech) if s.participant == participant), None)
        onset = speech.start if speech is not None else None
        self._open = Challenge(number, participant, onset, hold, self._epoch)
        reply = self._replies.get(number)
        if reply is not None:
            self._open.heard, self._open.unheard = reply.heard, reply.unheard
        if participant is not None:
            self._open.said = self._text(participant)
        self.story.challenges.append(self._open)
        return self._open

    def _commit(self, record: Mapping[str, Any]) -> None:
        self._epoch = int(record["epoch"])
        self.story.epochs.append((self._now, self._epoch))
        number = record["reply"]
        if number is None:
            return
        self._end_reply(int(number), "interrupted")
        challenge = self._open or self._begin_challenge(int(number), record["participant"], None)
        challenge.participant = record["participant"] or challenge.participant
        challenge.epoch, challenge.evidence = self._epoch, _votes(record)
        refused = self._refused.get(challenge.participant)
        if challenge.hold is None and refused is not None and refused.reply == challenge.reply:
            challenge.before, refused.after = refused, challenge
        self._refused.clear()
        self._decide("commit", str(record["reason"]))

    def _resume(self, record: Mapping[str, Any]) -> None:
        if self._open is not None:
            self._open.evidence = _votes(record)
            self._refused[self._open.participant] = self._open
        self._decide("resume", str(record["reason"]))

    def _told(self, record: Mapping[str, Any]) -> None:
        """What the agent made of it, told once the decision was carried out."""
        number, decision = int(record["reply"]), record["decision"]
        challenges = (c for c in reversed(self.story.challenges) if c.reply == number and c.decision == decision)
        challenge = next((c for c in challenges if c.told is None), None)
        if challenge is None:
            return
        milliseconds = record["time_to_silence_ms"]
        challenge.told = Told(
            onset=float(record["onset"]) - self.story.offset,
            silence=None if record["silence"] is None else float(record["silence"]) - self.story.offset,
            time_to_silence=None if milliseconds is None else float(milliseconds) / 1000.0,
            samples_dropped=int(record["samples_dropped"]),
        )
        challenge.heard, challenge.unheard = str(record["heard"]), str(record["unheard"])

    def _decide_for(self, number: int, reason: str) -> None:
        if self._open is not None and self._open.reply == number:
            self._decide("none", reason)

    def _decide(self, decision: Decision, reason: str) -> None:
        if self._open is not None:
            self._open.decision, self._open.reason, self._open.decided = decision, reason, self._now
            self._open = None

    def _resumed(self, record: Mapping[str, Any]) -> None:
        if self.story.challenges:
            latest = self.story.challenges[-1]
            latest.rewound = float(record["rewound"]) / OUTPUT_RATE
            latest.heard = str(record.get("heard", latest.heard))
            latest.unheard = str(record.get("unheard", latest.unheard))

    def _stale(self, record: Mapping[str, Any]) -> None:
        chunks, samples = int(record["chunks"]), int(record["samples"])
        self.story.stale_chunks += chunks
        self.story.stale_samples += samples
        # Late audio belongs to the latest interruption that ended its epoch.
        for challenge in reversed(self.story.challenges):
            if challenge.decision == "commit":
                challenge.stale_chunks += chunks
                challenge.stale_samples += samples
                return

    # The frame.

    def _session(self, record: Mapping[str, Any]) -> None:
        self.story.policy = dict(record["policy"])
        self.story.answers = bool(record["answers"])
        self.story.started = float(record["started"])

    def _recorded(self, record: Mapping[str, Any]) -> None:
        self.story.worst_delay = float(record["worst_delay"])

    def _late(self, record: Mapping[str, Any]) -> None:
        lasted, delay = float(record["lasted"]), float(record["delay"])
        self.story.late.append(LateClock(self._now, self._now + lasted, delay))

    def _joined(self, record: Mapping[str, Any]) -> None:
        self.story.names[record["participant"]] = str(record.get("name") or record["participant"])

    def _error(self, record: Mapping[str, Any]) -> None:
        self.story.errors.append((self._now, f"{record['component']}: {record['error']}"))

    def _ended(self, record: Mapping[str, Any]) -> None:
        if record["error"]:
            self.story.errors.append((self._now, f"the call broke: {record['error']}"))


def _votes(record: Mapping[str, Any]) -> tuple[Vote, ...]:
    """The votes of an effect; older traces have none."""
    return tuple(
        Vote(float(vote["weight"]), str(vote["reason"]), str(vote["strategy"])) for vote in record.get("evidence", ())
    )


_HANDLERS: dict[str, Callable[[_Reader, Mapping[str, Any]], None]] = {
    "SpeechStarted": _Reader._speech_started,
    "SpeechContinued": _Reader._speech_continued,
    "SpeechEnded": _Reader._speech_ended,
    "TurnStarted": _Reader._turn_started,
    "TurnEnded": _Reader._turn_ended,
    "ReplyStarted": _Reader._reply_begun,
    "BeginReply": _Reader._reply_begun,
    "AudioStarted": _Reader._audio_started,
    "AudioDrained": _Reader._audio_drained,
    "DropReply": _Reader._reply_dropped,
    "RecordTurn": _Reader._record_turn,
    "DiscardTurn": _Reader._turn_discarded,
    "Hold": _Reader._hold,
    "Commit": _Reader._commit,
    "Resume": _Reader._resume,
    "session": _Reader._session,
    "recorded": _Reader._recorded,
    "late": _Reader._late,
    "joined": _Reader._joined,
    "user_words": _Reader._words,
    "agent_words": _Reader._agent_words,
    "heard": _Reader._heard,
    "resumed": _Reader._resumed,
    "interruption": _Reader._told,
    "stale": _Reader._stale,
    "error": _Reader._error,
    "ended": _Reader._ended,
}
