"""The reply queue: the reply that has the agent's voice, and those that wait for it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from . import effects as fx
from .reply import Attempt, Draft, QueuedReply, Reply, ReplyPhase
from .running_functions import RunningFunctions, Wait
from .waiting import WaitingReplies


@dataclass(slots=True)
class ReplyQueue(WaitingReplies):
    """Holds one reply with the voice and those that wait for it."""

    epoch: int = 0
    reply: Reply | None = None
    # The one that was said to its end last.
    said: Reply | None = None
    # When the apology was heard, if that is the last that was.
    apologised: float | None = None
    # The highest number used so far.
    last_reply: int = 0
    # The participants whom the next answer answers.
    addressees: set[str] = field(default_factory=set)
    # Those of each reply, by its number; the reply may be over.
    functions: dict[int, RunningFunctions] = field(default_factory=dict)
    # Functions that a model wants called and that wait for their clearance.
    calls_wait: int = 0
    # For each reply that has needed functions: how long it is silent.
    waits: dict[int, Wait] = field(default_factory=dict)
    # The answer that is prepared for a turn which is not complete.
    draft: Draft | None = None
    # Functions found something that nobody waited for and nothing has told. Of answers before this epoch nothing is
    # told by itself: code has silenced them.
    news: bool = False
    silenced: int = 0
    # A realtime model knew of it when it was asked what it owes an answer to, but for so many things that were found
    # later.
    known: bool = False
    later: int = 0
    learnt: bool = True
    # What could not be told, or is not to be told by itself, is told with the next answer.
    shelved: bool = False

    def enqueue(self, number: int, waiting: QueuedReply) -> list[fx.Effect]:
        """Queue a reply under a new number."""
        self.last_reply = number
        if waiting.started:
            if self.owed.since is not None:
                self._unshelve_news()
            waiting = replace(waiting, news=self.news and self.known, later=self.later)
            self.owed.settle()  # This is the answer.
            self.known = False
            self.waits.pop(0, None)
            self.supersede()
        if len(self.queue) >= self.limit:
            return [fx.DropReply(number, f"{len(self.queue)} replies wait already")]
        # What is being made goes before what is not, what belongs to it next, and the rest of something after all else.
        if waiting.started:
            place = sum(other.started for other in self.queue)
        elif waiting.inner:
            place = sum(other.started or other.inner for other in self.queue)
        else:
            place = self.before_rests
        self.queue.insert(place, waiting)
        return []

    def insert(
        self, number: int, within: int, at: float, interruptible: bool = True, filler: str = ""
    ) -> list[fx.Effect]:
        """Have something said inside the reply that has the voice. It has to be heard in time, as that has."""
        reply = self.current(within)
        assert reply is not None
        self.last_reply = number
        if len(reply.insertions) >= self.limit:
            return [fx.DropReply(number, f"{self.limit} things are to be said in that reply already")]
        reply.insertions[number] = interruptible
        reply.since = at
        self.speaks(within)
        return [fx.InsertSpeech(number, within, filler)]

    def want_answer(self, at: float, addressees: str | None = None) -> None:
        """Queue an answer, unless one waits already: one answers all that was said by then."""
        if addressees is not None:
            self.addressees.add(addressees)
        self.supersede(answered=True)
        if not self.answer_waits:
            self.queue.insert(self.before_rests, QueuedReply(at, attempt=Attempt(at)))

    def found(self, epoch: int, *, known: bool) -> None:
        """Take note of something that is to be told. A model that answers already does not know of it.

        `epoch`: of the answer that it was to be told in. `known`: a model knows of it when it is asked next.
        """
        silenced, self.learnt = epoch < self.silenced, known
        self.news, self.shelved = self.news or not silenced, self.shelved or silenced
        self.later += 1
        self.queue = deque(replace(waiting, later=waiting.later + waiting.started) for waiting in self.queue)

    def tell_news(self, waiting: QueuedReply) -> None:
        """Count as told what a reply tells."""
        left = waiting.later > 0
        if (self.news or self.shelved) and not left:
            self.news_owed.clear()
        self.news, self.shelved = self.news and left, self.shelved and left

    def keep_news(self, reply: Reply | None) -> None:
        """Have told again what a reply was to tell that was cut off, if there is such."""
        self.news |= reply is not None and reply.untold

    def silence(self, epoch: int) -> None:
        """Have nothing told by itself that was asked for before this epoch."""
        self.silenced = epoch
        self.shelve_news()

    def shelve_news(self) -> None:
        """Have what was found told with the next answer, and not by itself."""
        self.news, self.shelved = False, self.shelved or self.news
        self.news_owed.clear()

    def _unshelve_news(self) -> None:
        """Have what was shelved told with an answer that begins or is wanted, or behind it."""
        self.news, self.shelved = self.news or self.shelved, False

    def owe_answer(self, at: float, participant: str, began: float, *, understood: bool) -> None:
        """A realtime model owes an answer to a turn that `began` then, and knows by now what is to be told."""
        self.owed.ask(at, participant, began, understood=understood)
        queued = [waiting for waiting in self.queue if waiting.news and not waiting.started]
        self.queue = deque(waiting for waiting in self.queue if waiting not in queued)
        self.news |= bool(queued)
        if self.owed.understood:
            self._unshelve_news()  # Not before: to a noise no answer may come.
        self.known, self.later = (self.news or self.shelved) and self.learnt, 0

    def owe_part(self, at: float) -> None:
        """A realtime model owes the next part of an answer, unless it has begun that."""
        if not any(waiting.started for waiting in self.queue):
            self.owed.ask_part(at)

    def queue_news(self, at: float) -> None:
        """Queue what is to be told that nobody waited for, if nothing else has or wants the voice."""
        if self.news and not (self.reply is not None or self.queue or self.owed.awaited or self.functions):
            self.queue.append(QueuedReply(at, news=True, attempt=Attempt(at)))

    def is_continued(self, reply: int) -> bool:
        """Return True if the rest of this reply is queued, or is being made and nothing of it was heard."""
        rest = self.reply
        being_made = rest is not None and rest.continues == reply and rest.phase is ReplyPhase.PREPARING
        return being_made or self.continues(reply)

    def understand(self, participant: str, began: float, *, idle: bool) -> None:
        """Take note that a realtime model has understood words of a turn that `began` then; `idle`: a listener's."""
        self.owed.understand(participant, began)
        if self.owed.understood and self.owed.since is not None:
            self._unshelve_news()
        if not idle:
            self.supersede(began)

    @property
    def busy(self) -> bool:
        """True if a reply has the voice, waits for it, or is expected of a model."""
        return self.reply is not None or bool(self.queue) or self.owed.expected

    @property
    def at_work(self) -> bool:
        """True if a model may be at something that is not said yet, though nobody expects it by now."""
        return self.busy or self.owed.overdue or self.owed.suspended

    def begins_at(self, *, quiet: bool) -> float | None:
        """Return from when on the first in the queue may have the voice; None if something else is in its way.

        `quiet`: nobody has the turn.
        """
        if self.reply is not None or not self.queue:
            return None
        first = self.queue[0]
        # A model that owes an answer may have understood something.
        free = first.started or (quiet and (first.continues is None or not self.owed.awaited))
        return first.since if free else None

    def begin_next(self, at: float) -> list[fx.Effect]:
        """Give the voice to the first in the queue."""
        waiting = self.queue.popleft()
        if waiting.aside is not None:
            self.reply, waiting.aside.since = waiting.aside, at
            return []
        answer = waiting.is_answer
        draft, self.draft = self.draft, None
        if draft is not None and answer:
            number = draft.number
        else:
            number = self.last_reply + 1 if waiting.number is None else waiting.number
        self.last_reply = max(self.last_reply, number)
        # Who is asked for an answer of which nothing was said knows what is to be told.
        tells = waiting.continues == 0 and self.news and self.learnt
        news = waiting.news or tells
        if news and self.owed.overdue and self.owed.wanted:
            self.owe_news(self.owed.asked)
        owed_to = set(self.news_owed) if news else set()
        if answer or news:
            self.tell_news(waiting)
        self.news_owed |= owed_to  # They wait until it is heard.
        if self.owed.overdue and (waiting.news or waiting.is_continuation):
            self.owed.settle()  # The model is asked for that instead.
        to = None
        if answer or waiting.started or waiting.continues is not None:
            to, self.addressees = frozenset(self.addressees) or None, set()
        self.waits = {wait: self.waits[wait] for wait in self.waits if wait in (0, number)}
        if waiting.inner:
            for needing in self.waits:
                self.speaks(needing)
        before = waiting.attempt
        owed = before.owed or answer or to is not None or (news and bool(self.news_owed))
        self.reply = Reply(
            number,
            waiting.interruptible,
            answer,
            to,
            news=news,
            inner=waiting.inner,
            attempt=replace(before, begun=before.begun if before.failures else at, owed=owed),
            continues=waiting.continues,
            since=at,
        )
        if waiting.started:
            return [fx.TellNews(number, waiting.later)] if waiting.news else []
        prepared = draft is not None and number == draft.number
        begin = fx.BeginReply(number, self.epoch, answer, waiting.continues, waiting.news, before.filler, prepared)
        return [begin, fx.TellNews(number)] if tells else [begin]

    def step_aside(self) -> None:
        """Have a reply that says nothing, since a model waits for its functions, make way for what these want said."""
        reply, first = self.reply, self.queue[0] if self.queue else None
        # What a function has left to be said outlives it.
        if reply is None or first is None or reply.number not in {*self.functions, *self.waits}:
            return
        if first.inner and not reply.inner and reply.phase is ReplyPhase.PREPARING:
            self._set_aside(reply)

    def _set_aside(self, reply: Reply) -> None:
        self.put_first(QueuedReply(reply.since, reply.number, reply.interruptible, aside=reply))
        self.reply = None

    def overtake(self, number: int, at: float) -> list[fx.Effect]:
        """Give the voice to a reply that is heard before its turn: a model was faster with it than with the one that
        has the voice, or somebody speaks."""
        waiting = next((w for w in self.queue if w.number == number and (w.started or w.aside)), None)
        if waiting is None or (self.reply is not None and self.reply.phase is not ReplyPhase.PREPARING):
            return []
        if self.reply is not None:
            self._set_aside(self.reply)
        self.queue.remove(waiting)
        self.queue.appendleft(waiting)
        return self.begin_next(at)

    def drained(self) -> None:
        """The reply that has the voice was said to its end: the next functions, if it was no filler, are a new wait."""
        if self.reply is not None and not self.reply.inner:
            self.waits.pop(0, None)
        self.said, self.reply = self.reply, None

    def prepare(self, participant: str, text: str) -> fx.Effect:
        """Have an answer prepared to what the participant has perhaps said."""
        self.last_reply += 1
        self.draft = Draft(self.last_reply, self.epoch, participant, text)
        return fx.PrepareReply(self.draft.number, self.epoch, participant, text)

    def begin_anew(self, at: float) -> list[fx.Effect]:
        """Have the answer that has the voice made once more, from the beginning."""
        assert self.reply is not None
        before, self.last_reply = self.reply, self.last_reply + 1
        self.reply = Reply(
            self.last_reply, before.interruptible, before.answer, before.to, attempt=before.attempt, since=at
        )
        return [
            fx.DropReply(before.number, "it was prepared for another history"),
            fx.BeginReply(self.reply.number, self.epoch, True),
        ]

    def latest(self, number: int) -> Reply:
        """Return the reply of this number; 0 is the answer that a realtime model owes. Of one that is over, and not
        `said`, no more is known."""
        known = (self.reply, self.said, *(waiting.aside for waiting in self.queue))
        found = next((reply for reply in known if reply is not None and reply.number == number), None)
        if found is not None:
            return found
        to = None
        if number == 0 or any(waiting.started and waiting.number == number for waiting in self.queue):
            to = frozenset(self.addressees) or None
        return Reply(number, interruptible=True, answer=False, to=to, attempt=Attempt(owed=to is not None))

    def current(self, number: int) -> Reply | None:
        """Return the reply that has the voice, if it has this number."""
        return self.reply if self.reply is not None and self.reply.number == number else None

    def drop(self, reason: str) -> list[fx.Effect]:
        """Give up the reply that has the voice."""
        assert self.reply is not None
        number, self.reply = self.reply.number, None
        return [fx.DropReply(number, reason)]

    def answer_to(self, participant: str) -> Reply | None:
        """Return the answer that has the voice, if it is one to the participant."""
        reply = self.reply
        to_them = reply is not None and reply.answer and (reply.to is None or participant in reply.to)
        return reply if to_them else None

    def function_started(self, number: int, at: float, filler: str, after: float, *, spoken: bool, told: bool) -> None:
        """Take note of a function that a reply needs, and of what to say if it takes long."""
        wait = self.waits.setdefault(number, Wait(at))
        wait.over |= spoken
        self.owed.understood |= number == 0  # Nothing is called for a noise.
        running = self.functions.get(number)
        if running is None:
            self.functions[number] = RunningFunctions(at, 1, filler, wait.since + after, told)
        else:
            running.count += 1
            running.told |= told

    def filler_due(self, number: int) -> float | None:
        """Return when a filler is to be said for the functions of a reply; None if not, or not now."""
        running, wait = self.functions[number], self.waits.get(number)
        free = self.reply is None and not self.queue if number == 0 else self._silent(number)
        if not running.filler or wait is None or wait.over or not free:
            return None
        return max(running.filler_at, running.since)

    def _silent(self, number: int) -> bool:
        """Return True if the reply has the voice, and nothing waits that its functions want said."""
        return self.current(number) is not None and not any(waiting.inner for waiting in self.queue)

    def fill(self, number: int, at: float, *, inside: bool) -> list[fx.Effect]:
        """Have the filler said: inside the reply, or before it."""
        filler = self.functions[number].filler
        if inside:
            return self.insert(self.last_reply + 1, number, at, filler=filler)
        self.last_reply += 1
        self.queue.appendleft(QueuedReply(at, self.last_reply, attempt=Attempt(at, filler=filler), inner=True))
        return []

    def speaks(self, number: int) -> None:
        """Take note that something is said in the time in which a reply needs functions: it is no silent wait."""
        if number in self.waits:
            self.waits[number].over = True

    def function_ended(self, number: int, at: float) -> None:
        """Take note of its end. After the last one the reply's own deadlines run again, from now on."""
        running = self.functions.get(number)
        if running is None:
            return
        running.count -= 1
        if running.count == 0:
            self.end_functions(number, at)

    def end_functions(self, number: int, at: float) -> None:
        """Forget the functions of a reply."""
        running = self.functions.pop(number)
        if self.owed.since is not None:
            self.owed.since = at
        if (waiting := self.continuation) is not None:
            self.queue[self.queue.index(waiting)] = replace(waiting, since=max(at, waiting.since))
        reply = self.current(number)
        if reply is not None:
            reply.since = at
            reply.attempt = replace(reply.attempt, begun=reply.attempt.begun + at - running.since)

    def insertion_over(self, number: int) -> None:
        """Take note that something was said inside the reply that has the voice, or cannot be."""
        if self.reply is not None:
            self.reply.insertions.pop(number, None)

    def forget(self, participant: str) -> None:
        """Answer a participant no more. What is said to nobody else goes on for those who are there."""
        self.addressees.discard(participant)
        self.news_owed.discard(participant)
        if self.reply is not None and self.reply.to is not None:
            self.reply.to = self.reply.to - {participant} or None

    def clear(self, reason: str) -> list[fx.Effect]:
        """Drop everything that waits: nobody would hear it."""
        waiting, self.queue = self.queue, deque()
        self.addressees.clear()
        self.owed.settle()
        return [fx.DropReply(w.number, reason) for w in waiting if w.number is not None]

    def interrupt_queue(self, *, answers: bool) -> list[fx.Effect]:
        """Drop what waits and may be interrupted; answers only if `answers`."""
        dropped = [
            w for w in self.queue if (w.interruptible and w.number is not None) or (w.number is None and answers)
        ]
        self.queue = deque(w for w in self.queue if w not in dropped)
        for waiting in dropped:
            self.keep_news(waiting.aside)
        if answers:
            self.addressees.clear()
        return [fx.DropReply(w.number, "interrupted") for w in dropped if w.number is not None]
