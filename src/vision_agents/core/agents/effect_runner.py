"""Carries out what the floor decides: on the replies, on the ears, in the history, and as events."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ..conversation import Conversation
from ..events import EventManager
from ..floor import Floor
from ..floor import effects as fx
from ..floor import events as ev
from ..tasks import OUTSIDE
from ..voice import Voice
from .announcements import ANNOUNCEMENTS
from .hearing_adapter import HearingAdapter
from .replies import Replies
from .roster import Roster

logger = logging.getLogger(__name__)

# What a model is told of calls that were not made.
NOBODY_LEFT = "everybody has left"


class EffectRunner:
    """Carries out the effects of one call, each of them before `run` returns.

    Args:
        post: takes what an effect leads to.
        now: the time of the call, in seconds.
    """

    def __init__(
        self,
        floor: Floor,
        replies: Replies,
        voice: Voice,
        listening: HearingAdapter,
        roster: Roster,
        conversation: Conversation,
        events: EventManager,
        post: Callable[[ev.FloorEvent], None],
        now: Callable[[], float],
    ) -> None:
        self._floor = floor
        self._replies = replies
        self._voice = voice
        self._listening = listening
        self._ears = listening.ears
        self._participants = roster.present
        self._conversation = conversation
        self._events = events
        self._post = post
        self._now = now

    def run(self, effect: fx.Effect) -> None:
        """Carry out `effect`. One that fails must not take the audio down, nor the effects after it: the log has it."""
        try:
            _EFFECTS[type(effect)](self, effect)
        except OUTSIDE:
            raise
        except BaseException:
            logger.exception("%s could not be carried out", effect)

    # Interruptions.

    def _hold(self, effect: fx.Hold) -> None:
        self._replies.hold(effect.reply, self._participants.get(effect.participant), self._listening.onset)

    def _resume(self, effect: fx.Resume) -> None:
        limit = self._floor.policy.rewind_limit
        self._replies.resume(effect.reply, effect.rewind, limit, effect.reason, effect.evidence)

    def _commit(self, effect: fx.Commit) -> None:
        if self._floor.deserted:
            self._voice.abandon_calls(NOBODY_LEFT)
        participant = self._participants.get(effect.participant) if effect.participant else None
        onset = self._listening.onset if participant is not None else self._now()
        self._replies.commit(effect.epoch, effect.reply, participant, onset, effect.reason, effect.evidence)

    # Replies.

    def _begin_reply(self, effect: fx.BeginReply) -> None:
        again = self._floor.has_failed(effect.reply)
        if effect.prepared:
            if not self._replies.begin_prepared(effect.reply):
                self._replies.discard()
                self._post(ev.PreparedInVain(self._now(), effect.reply))
        elif effect.news and not self._voice.has_news:
            self._post(ev.ReplyFailed(self._now(), effect.reply, told=True))
        elif effect.continues is None:
            self._replies.begin(effect.reply, effect.epoch, effect.filler, again=again)
        elif not self._replies.go_on(effect.reply, effect.epoch, effect.continues, again=again):
            self._post(ev.ReplyFailed(self._now(), effect.reply, told=True))  # All of it was heard.

    def _insert_speech(self, effect: fx.InsertSpeech) -> None:
        if not self._replies.insert(effect.reply, effect.within, effect.filler):
            self._post(ev.ReplyFailed(self._now(), effect.reply))

    def _prepare_reply(self, effect: fx.PrepareReply) -> None:
        self._replies.prepare(effect.reply, effect.epoch, effect.text, effect.participant)

    def _discard_reply(self, effect: fx.DiscardReply) -> None:
        self._replies.discard()

    def _tell_news(self, effect: fx.TellNews) -> None:
        self._voice.tell_news(effect.reply, effect.later)

    def _announce_failure(self, effect: fx.AnnounceFailure) -> None:
        self._replies.late(effect.reply)
        self._listening.failed(self._voice.maker(effect.reply), TimeoutError(effect.reason))

    def _drop_reply(self, effect: fx.DropReply) -> None:
        logger.info("reply %d is dropped: %s", effect.reply, effect.reason)
        self._replies.drop(effect.reply)

    # Turns.

    def _begin_turn(self, effect: fx.BeginTurn) -> None:
        self._ears.begin_turn(self._participants[effect.participant])

    def _discard_turn(self, effect: fx.DiscardTurn) -> None:
        participant = self._participants.get(effect.participant)
        if participant is not None:
            self._ears.discard_turn(participant, awaits_words=effect.awaits_words)

    def _finish_turn(self, effect: fx.FinishTurn) -> None:
        self._listening.finish_turn(self._participants[effect.participant], effect.turn)

    def _record_turn(self, effect: fx.RecordTurn) -> None:
        self._conversation.user_said(effect.text, effect.participant, effect.place)
        participant = self._participants.get(effect.participant)
        if participant is not None:
            self._ears.accept_turn(participant)

    def _record_overheard(self, effect: fx.RecordOverheard) -> None:
        self._conversation.overheard(effect.text, effect.participant)

    # Events.

    def _announce(self, effect: fx.Effect) -> None:
        who = self._participants.get(getattr(effect, "participant", ""))
        self._events.send(ANNOUNCEMENTS[type(effect)](effect, who))


_EFFECTS: dict[type[fx.Effect], Callable[[EffectRunner, Any], None]] = {
    fx.Hold: EffectRunner._hold,
    fx.Resume: EffectRunner._resume,
    fx.Commit: EffectRunner._commit,
    fx.BeginReply: EffectRunner._begin_reply,
    fx.InsertSpeech: EffectRunner._insert_speech,
    fx.PrepareReply: EffectRunner._prepare_reply,
    fx.DiscardReply: EffectRunner._discard_reply,
    fx.AnnounceFailure: EffectRunner._announce_failure,
    fx.DropReply: EffectRunner._drop_reply,
    fx.TellNews: EffectRunner._tell_news,
    fx.BeginTurn: EffectRunner._begin_turn,
    fx.DiscardTurn: EffectRunner._discard_turn,
    fx.FinishTurn: EffectRunner._finish_turn,
    fx.RecordTurn: EffectRunner._record_turn,
    fx.RecordOverheard: EffectRunner._record_overheard,
    **dict.fromkeys(ANNOUNCEMENTS, EffectRunner._announce),
}
