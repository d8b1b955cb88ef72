"""What must hold for every step of a floor, whatever led to it; and a way to take a step that checks all of it."""

from __future__ import annotations

from typing import NamedTuple

from vision_agents.core.floor import Clearance, Floor, FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.challenge import HOLDING
from vision_agents.core.floor.drafts import same_words
from vision_agents.core.floor.reply import Draft
from vision_agents.core.floor.replying import NOT_APOLOGISED
from vision_agents.core.floor.turn import Announced, TurnPhase

# Deadlines in a row that may be needed to come to rest: a few for each turn, two for each reply that waits.
STEPS_TO_REST = 200


class Facts(NamedTuple):
    """A floor as its laws see it."""

    epoch: int
    reply: int | None
    interruptible: bool
    held: bool
    waiting: tuple[int, ...]
    answer_waits: bool
    last_reply: int
    last_request: int
    announced: frozenset[str]
    # Replies whose unheard rest may still be said; and whose turns cut off an answer that nobody heard.
    rests: frozenset[int]
    unanswered: frozenset[str]
    # Who may interrupt the reply: None for everyone who is not denied it.
    to: frozenset[str] | None
    denied: frozenset[str]
    # What people said so far; and who would lose it rightly, having said it only to challenge the reply.
    words: tuple[tuple[str, str], ...]
    fresh: frozenset[str]
    # Whose speech over the agent was found to be nothing, unless its final words say otherwise.
    doubted: frozenset[str]
    # Who had a turn of which the recogniser found no words.
    silent: frozenset[str]
    # The participants are away.
    away: bool
    # Functions that wait to be called.
    calls_wait: int
    # Who left and did not come back; what is known of their last words; and whether nobody is there any more.
    left: frozenset[str]
    guesses: tuple[tuple[str, str], ...]
    deserted: bool
    # The call is over.
    over: bool
    # A reply that is to tell news waits for the voice, or to be made once more.
    news_queued: bool
    # There is something to be told that nobody waited for; and the replies whose functions run.
    news: bool
    needing: frozenset[int]
    # Something could not be told: it is, with the next answer.
    shelved: bool
    # What functions want said, and waits.
    inner: frozenset[int]
    # Somebody waits for the reply, which a part has failed at so many times in a row.
    missed: bool
    failures: int
    # Somebody has said what it answers; and nothing was heard since the apology, which came after it was wanted.
    wanted: bool
    apologised: bool
    # What a part failed at is about to be made once more, or apologised for, to somebody who has asked.
    owed: bool
    # The answer that is prepared: its number, and what it is to.
    draft: Draft | None


def look(floor: Floor) -> Facts:
    """The facts of a floor."""
    voice, challenge, turns = floor._replies, floor._judge.challenge, floor._turns
    rests = {turn.cut_off.reply for turn in turns.values()} | {w.continues for w in voice.queue}
    return Facts(
        epoch=floor.epoch,
        reply=floor.reply,
        interruptible=voice.reply is not None and voice.reply.yields,
        held=challenge is not None and challenge.phase in HOLDING,
        waiting=tuple(w.number for w in voice.queue if w.number is not None),
        answer_waits=any(w.is_answer for w in voice.queue),
        last_reply=floor.last_reply,
        last_request=floor._taking.last_request,
        announced=frozenset(p for p, turn in turns.items() if turn.announced is Announced.STARTED),
        rests=frozenset(number for number in rests if number is not None),
        unanswered=frozenset(p for p, turn in turns.items() if turn.cut_off.unanswered),
        to=voice.reply.to if voice.reply and floor.policy.interruptible_by == "spoken_to" else None,
        denied=frozenset(p for p, person in floor._judge.people.known.items() if not person.allowed),
        words=tuple((p, turn.words.text) for p, turn in turns.items() if turn.words.text),
        fresh=frozenset(p for p, c in challenge.challengers.items() if c.fresh) if challenge else frozenset(),
        doubted=frozenset(floor._judge.late_words.dismissed),
        away=floor._presence.away,
        calls_wait=floor._replies.calls_wait,
        left=frozenset(floor._presence.left),
        guesses=tuple((p, turn.guess) for p, turn in floor._presence.left.items()),
        deserted=floor.deserted,
        over=floor._over,
        news=voice.news,
        news_queued=any(waiting.news for waiting in voice.queue),
        needing=frozenset(voice.functions),
        shelved=voice.shelved,
        inner=frozenset(w.number for w in voice.queue if w.inner and w.number is not None),
        missed=voice.reply is not None
        and (voice.reply.attempt.owed or not voice.reply.untold)
        and floor._recovery._missed(voice.reply),
        failures=voice.reply.attempt.failures if voice.reply is not None else 0,
        wanted=voice.reply is not None and voice.reply.attempt.owed,
        apologised=voice.reply is not None and (voice.apologised or -1.0) >= voice.reply.attempt.wanted,
        owed=voice.owes_again,
        draft=voice.draft,
        silent=frozenset(
            p for p, t in turns.items() if t.phase is TurnPhase.QUIET and t.closed is not None and not t.closed.text
        ),
    )


def step(floor: Floor, event: ev.FloorEvent, before: Facts | None = None) -> list[fx.Effect]:
    """`floor.handle(event)`, with every law checked; `before` is what `look` tells of the floor, if that is known."""
    before = before or look(floor)
    effects = floor.handle(event)
    after = look(floor)
    if before.over:
        _check_over(floor, event, effects)
        return effects
    _check_effects(floor, before, event, effects, after)
    _check_rest(floor, after)
    _check_leaving(before, event, effects, after)
    return effects


def _check_over(floor: Floor, event: ev.FloorEvent, effects: list[fx.Effect]) -> None:
    """When the call is over nothing happens any more, and what was said in it is in the history."""
    assert floor.state is FloorState.IDLE
    assert floor.deadline is None
    assert floor.clearance(floor.epoch) is Clearance.NEVER
    words = isinstance(event, ev.TranscriptReceived) and event.final and event.text
    assert [type(effect) for effect in effects] in ([], [fx.RecordTurn] if words else [])


def come_to_rest(floor: Floor, now: float) -> list[fx.Effect]:
    """Let nothing happen but time: the floor must come to IDLE in a bounded number of steps. Returns all effects."""
    effects: list[fx.Effect] = []
    for _ in range(STEPS_TO_REST):
        if floor.deadline is None:
            assert floor.state is FloorState.IDLE
            return effects
        now = max(now, floor.deadline)
        effects += step(floor, ev.TimePassed(now))
    raise AssertionError(f"still {floor.state} after {STEPS_TO_REST} deadlines")


def _check_rest(floor: Floor, facts: Facts) -> None:
    # No state is silent for ever: all but IDLE have a deadline, and IDLE needs none.
    state, deadline = floor.state, floor.deadline
    assert deadline is not None or state is FloorState.IDLE
    assert deadline is None or state is not FloorState.IDLE or floor._presence.deadline(0.0) is not None
    assert (state is FloorState.HELD) == facts.held
    # Nothing is done while the voice is held, or for what was interrupted.
    clearance = floor.clearance(floor.epoch)
    assert clearance is (Clearance.WAIT if facts.held else clearance)
    assert (clearance is Clearance.NEVER) == facts.deserted
    assert floor.clearance(floor.epoch - 1) is Clearance.NEVER
    if (draft := facts.draft) is not None:
        # It is prepared for somebody's open turn and a free voice, and nothing of it is done.
        assert floor._turns[draft.participant].phase is not TurnPhase.QUIET
        assert draft.epoch == floor.epoch
        assert facts.reply is None
        assert not floor._replies.queue
        assert floor.clearance(draft.epoch, draft.number) is Clearance.WAIT
    # What waits has something that leads out of it.
    assert clearance is not Clearance.WAIT or deadline is not None
    rests = sum(waiting.is_rest for waiting in floor._replies.queue)
    assert rests <= floor.policy.queue_limit
    assert len(floor._replies.queue) - rests <= floor.policy.queue_limit + 1  # one answer may wait besides


def _check_leaving(before: Facts, event: ev.FloorEvent, effects: list[fx.Effect], after: Facts) -> None:
    """Nobody is talked at who is not there, and what comes late of somebody who left brings nobody back."""
    if after.deserted:
        assert after.reply is None
        assert not after.waiting
        assert not after.answer_waits
        assert not after.held
        assert not any(isinstance(effect, fx.BeginReply) for effect in effects), "the room is empty"
    if isinstance(event, ev.CallOver):
        assert after.reply is None
        assert not after.waiting
        assert after.draft is None
        assert not after.words, "what was said when the call ended is in no history"
        assert not any(isinstance(effect, fx.Commit | fx.Resume | fx.BeginReply) for effect in effects)
    elif isinstance(event, ev.ParticipantJoined):
        assert event.participant not in after.left
        assert not (before.deserted and effects), "who comes back is talked at"
    elif isinstance(event, ev.ParticipantEvent) and event.participant in before.left:
        assert event.participant in after.left
        assert all(isinstance(effect, fx.RecordTurn) for effect in effects), "a ghost came back"
        if isinstance(event, ev.TranscriptReceived) and event.final and event.text:
            guess = dict(before.guesses)[event.participant]
            assert effects or guess, "last words are in no history"


def _check_effects(floor: Floor, before: Facts, event: ev.FloorEvent, effects: list[fx.Effect], after: Facts) -> None:
    """Carry the effects out on the facts: each must be possible, and together they must lead to the facts after."""
    epoch, reply, interruptible, held = before.epoch, before.reply, before.interruptible, before.held
    waiting, announced = list(before.waiting), set(before.announced)
    answered = went_on = told = False
    given_up = isinstance(event, ev.CallOver)
    ended: set[str] = set()
    draft = before.draft
    away = before.away

    if isinstance(event, ev.ReplyRequested | ev.ReplyStarted) and event.reply > before.last_reply:
        waiting.append(event.reply)
    if isinstance(event, ev.AudioDrained):
        if event.reply == reply:
            reply, held = None, False
        waiting = [number for number in waiting if number != event.reply]
    heard = event.reply if isinstance(event, ev.AudioStarted | ev.AudioProgressed) else None
    if heard in waiting and heard == after.reply:
        # A realtime model was faster with it than with what has the voice, which waits again.
        waiting.remove(heard)
        waiting += [] if reply is None else [reply]
        reply = heard

    for index, effect in enumerate(effects):
        match effect:
            case fx.Hold(number, participant):
                assert floor.policy.hold
                assert _may_interrupt(before, participant)
                assert number == reply
                assert interruptible
                assert not held
                held = True
            case fx.Resume(number, _, reason):
                assert number == reply
                assert held
                assert _readable(reason)
                held = False
            case fx.Commit(new_epoch, number, participant, reason, votes):
                assert _readable(reason)
                assert new_epoch > epoch, "the epoch never goes back"
                assert number == reply
                if participant is not None and reply is None:
                    assert isinstance(event, ev.CallsWait) or before.calls_wait, "there was nothing to interrupt"
                    assert _may_interrupt(before, participant)
                    assert not floor.answers
                    assert participant in announced | ended, "it is not certain that somebody spoke"
                elif participant is not None:
                    assert interruptible, "nobody's speech interrupts this reply"
                    assert _may_interrupt(before, participant)
                    assert sum(vote.weight for vote in votes) > 0.99, "the evidence is not enough"
                    starts = [e for e in effects[index:] if isinstance(e, fx.AnnounceTurnStarted)]
                    assert starts
                    assert starts[0].participant == participant
                    assert starts[0].interrupted
                else:
                    given_up = True
                epoch, reply, held = new_epoch, None, False
            case fx.PrepareReply(number, born, participant, text):
                assert floor.answers
                assert (reply, draft, waiting) == (None, None, [])
                assert number > before.last_reply
                assert born == epoch
                assert text
                draft = Draft(number, born, participant, text)
            case fx.DiscardReply(number, reason):
                assert _readable(reason)
                assert draft is not None
                assert draft.number == number
                draft = None
            case fx.BeginReply(number, born, answer, continues, news, filler, prepared):
                wanted = filler or number in before.inner or getattr(event, "within", None) is not None
                if not floor.answers and wanted and reply is not None:
                    # It says nothing, since it waits for a function that wants this said before.
                    waiting.append(reply)
                    reply = None
                assert reply is None, "one reply at a time"
                assert born == epoch, "nothing is made for an older epoch"
                assert (draft is not None) is prepared, "what is prepared is taken, or thrown away before"
                if news:
                    assert number > before.last_reply
                    assert (answer, continues, filler) == (False, None, "")
                    told = True
                elif filler and filler == floor.apology:
                    assert (answer, continues) == (False, None)
                    assert number > before.last_reply
                elif filler:
                    assert not floor.answers
                    assert number > before.last_reply
                    assert before.needing & {0, *waiting}, "no function runs"
                    assert not floor._taking.somebody_speaks
                elif prepared:
                    assert draft is not None
                    assert answer
                    assert (number, born) == (draft.number, draft.epoch)
                    said = [e for e in effects[:index] if isinstance(e, fx.RecordTurn)]
                    assert [e.participant for e in said] == [draft.participant], "its turn is not complete"
                    assert same_words(said[0].text, draft.text), "something else was said"
                    draft, answered = None, True
                elif answer:
                    assert number > before.last_reply
                    answered = True
                elif continues is not None:
                    assert number > before.last_reply
                    assert continues < number
                    lost = {event.reply} if isinstance(event, ev.AnswerLost) else set()
                    lost |= {e.reply for e in effects[:index] if isinstance(e, fx.AnnounceFailure)}
                    assert continues in before.rests | {before.reply} | lost, "there is no such rest"
                    # Who has left is not answered any more.
                    gone = {event.participant} if isinstance(event, ev.ParticipantLeft) else set()
                    turns = [e for e in effects[:index] if isinstance(e, fx.RecordTurn) and e.participant not in gone]
                    # But for a listener's word, which takes the place of nothing that is owed.
                    said = any(not (before.owed and floor._judge.is_idle(turn.text)) for turn in turns)
                    waits = before.answer_waits and not (before.owed and not turns)
                    # And what must be heard keeps its place before the answer.
                    rest = floor._replies.reply
                    first = rest is None or rest.number != number or not rest.interruptible
                    later = after.answer_waits or any(
                        isinstance(e, fx.BeginReply) and e.answer for e in effects[index:]
                    )
                    assert answered or not (waits or said) or (first and later), "who has said something is answered"
                    went_on = True
                else:
                    waiting.remove(number)
                reply, held = number, False
                interruptible = after.interruptible if number == after.reply else True
            case fx.TellNews(number):
                assert not floor.answers, "only a model makes answers by itself"
                # With deadlines of 0 s it may be over with the same event.
                over = {effect.reply for effect in effects[index:] if isinstance(effect, fx.DropReply)}
                if isinstance(event, ev.AudioDrained):
                    over.add(event.reply)
                assert number == after.reply or number in over
                assert before.news or before.shelved or before.news_queued
                told = True
            case fx.InsertSpeech(number, within, filler):
                assert floor.answers, "a realtime model says one response after the other"
                assert within == reply, "only what has the voice can have something inside it"
                assert not (filler and held)
                if filler:
                    assert isinstance(event, ev.TimePassed)
                    assert within in before.needing, "no function runs"
                else:
                    assert isinstance(event, ev.ReplyRequested)
                    assert event.within == within
                    waiting.remove(number)
            case fx.AnnounceFailure(number, reason):
                assert isinstance(event, ev.TimePassed) or reason == NOT_APOLOGISED
                assert _readable(reason)
                assert number in {reply, *waiting} or (number == 0 and not floor.answers)
            case fx.DropReply(number, reason):
                assert _readable(reason)
                if number == reply:
                    reply, held = None, False
                else:
                    waiting.remove(number)
            case fx.AnnounceTurnStarted(participant, _, interrupted, current):
                assert current == epoch
                assert participant not in announced
                if interrupted:
                    assert any(isinstance(e, fx.Commit) and e.participant == participant for e in effects[:index])
                announced.add(participant)
            case fx.AnnounceTurnEnded(participant, _, duration, trailing):
                announced.remove(participant)
                ended.add(participant)
                assert duration >= 0.0
                assert trailing >= 0.0
            case fx.FinishTurn(_, request):
                assert floor.answers
                assert request > before.last_request
            case fx.RecordTurn(_, text):
                assert text
            case fx.AnnounceUserAway(silence):
                assert not away
                away = True
                assert silence >= floor.policy.user_away - 1e-6
                assert reply is None
                assert not waiting
            case fx.AnnounceUserBack(participant):
                assert away
                away = False
                assert any(isinstance(e, fx.RecordTurn) and e.participant == participant for e in effects[:index])
            case fx.DiscardTurn(participant):
                if participant in dict(before.words):
                    assert participant in before.fresh | before.doubted, (
                        "words were lost that had nothing to do with the reply"
                    )

    if isinstance(event, ev.ReplyRequested) and event.within is not None:
        assert not any(isinstance(effect, fx.Commit) for effect in effects), "a function cuts its own answer off"
    if reply is None and after.reply in waiting:
        # A realtime model began it already: it gets the voice without an effect.
        waiting.remove(after.reply)
        reply = after.reply
    assert (epoch, reply, held) == (after.epoch, after.reply, after.held)
    assert sorted(waiting) == sorted(after.waiting), "a reply that waited was lost, or came from nowhere"
    assert announced == after.announced
    assert draft == after.draft
    assert away is after.away or not floor._presence.participants
    assert after.last_reply >= before.last_reply
    if before.answer_waits and not answered and not given_up:
        assert after.answer_waits, "an answer that waited was lost"
    if before.news and not after.news:
        assert told or answered or given_up or after.deserted, "what is to be told was lost"
    _check_failure(floor, before, event, effects, after)
    dealt_with = answered or given_up or after.answer_waits
    for participant in before.unanswered:
        gone = participant not in floor._turns
        assert dealt_with or participant in after.unanswered or (gone and not floor._turns), "a question was lost"
    if before.rests - after.rests and not (dealt_with or went_on or _needs_no_rest(floor, event, effects)):
        assert after.rests, "what was wrongly cut off is not gone on with"
    if isinstance(event, ev.TranscriptReceived) and _is_turn_of_nobody(floor, before, event):
        told = any(isinstance(e, fx.RecordTurn) and e.participant == event.participant for e in effects)
        assert told or event.participant in dict(after.words), "final words are in no history"
    for participant, text in before.words:
        kept = dict(after.words).get(participant)
        told = any(isinstance(e, fx.RecordTurn | fx.DiscardTurn) and e.participant == participant for e in effects)
        assert kept or told or _retracted(event, participant), f"{text!r} was lost"


def _check_failure(floor: Floor, before: Facts, event: ev.FloorEvent, effects: list[fx.Effect], after: Facts) -> None:
    """What failed is followed by another attempt or by the apology, unless somebody is about to be heard. Where that
    fails, too, code is told."""
    late = [e.reply for e in effects if isinstance(e, fx.AnnounceFailure)]
    failed = [event.reply] if isinstance(event, ev.ReplyFailed) and event.again else late
    over = before.reply is not None and before.reply != after.reply
    if not (over and before.missed and before.reply in failed) or after.deserted:
        return
    exhausted = before.failures >= floor.policy.retries or before.reply in before.needing
    begun = any(isinstance(effect, fx.BeginReply) for effect in effects)
    # Who has asked for nothing hears it once.
    silent = not floor.apology or (before.apologised and not before.wanted)
    told = fx.AnnounceFailure(before.reply, NOT_APOLOGISED) in effects
    assert begun or floor._replies.queue or (exhausted and (silent or told)), "a failure ends in silence"
    assert all(waiting.attempt.failures <= floor.policy.retries for waiting in floor._replies.queue), (
        "there is no end of it"
    )


def _is_turn_of_nobody(floor: Floor, before: Facts, event: ev.TranscriptReceived) -> bool:
    """Final words of somebody who has no turn, that nothing speaks against: no reply, no dismissal, nothing before."""
    return (
        event.final
        and bool(event.text)
        and floor.answers
        and before.reply is None
        and event.participant in before.silent
        and event.participant not in floor._judge.late_words.dismissed
    )


def _retracted(event: ev.FloorEvent, participant: str) -> bool:
    """A recogniser took a guess back."""
    return isinstance(event, ev.TranscriptReceived) and event.participant == participant and not event.text


def _readable(reason: str) -> bool:
    return bool(reason.strip()) and reason.isprintable()


def _may_interrupt(before: Facts, participant: str) -> bool:
    """Whoever is denied it may not, nor who is not spoken to."""
    return participant not in before.denied and (before.to is None or participant in before.to)


def _needs_no_rest(floor: Floor, event: ev.FloorEvent, effects: list[fx.Effect]) -> bool:
    """Somebody did say something, nobody is there, a model answers, or the rest is being said or cannot be."""
    match event:
        case ev.AudioStarted() | ev.AudioProgressed() | ev.AudioDrained() | ev.ReplyStarted():
            return True
    return not floor._turns or any(isinstance(effect, fx.RecordTurn | fx.DropReply) for effect in effects)
