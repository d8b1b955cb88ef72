"""Drawing a stretch of a call: both voices, and what was made of them, as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..audio import Samples
from .acoustics import Recording, envelope
from .markup import tag, text
from .story import Challenge, ReplyStory, SpokenTurn, Story

T = TypeVar("T")

# A stretch from top to bottom, in pixels.
FLAGS = 14.0
CAPTION = 34.0
VOICE = 46.0
GAP = 12.0
EPOCHS = 13.0
AXIS = 18.0

# A bar of a voice each so many pixels.
PITCH = 3.0
# Average width of a character of a caption, in pixels: to know when a text is too long for its place.
CHARACTER = 5.9
# What the word of a decision takes beside its mark.
FLAG = 52.0
LINE = 13.0

# Seconds that a line of the whole call shows at most.
LONGEST_ROW = 16.5

# Distances between ticks that people read easily, in seconds; and the closest that they may be, in pixels.
_TICKS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TICK_DISTANCE = 64.0


@dataclass(frozen=True, slots=True)
class View:
    """From `start` to `end` seconds, over `width` pixels. `captions`: with what was said."""

    start: float
    end: float
    width: float
    captions: bool = True

    @property
    def top(self) -> float:
        """The top of the flags, under the user's caption."""
        return CAPTION if self.captions else 0.0

    @property
    def user(self) -> float:
        """The middle of the user's voice."""
        return self.top + FLAGS + VOICE / 2

    @property
    def gap(self) -> float:
        """Between the voices. Without captions there is time to measure in it."""
        return GAP if self.captions else 2.2 * GAP

    @property
    def agent(self) -> float:
        """The middle of the agent's voice."""
        return self.user + VOICE + self.gap

    @property
    def bottom(self) -> float:
        """The bottom of the voices and captions."""
        return self.agent + VOICE / 2 + (CAPTION if self.captions else 0.0)

    @property
    def height(self) -> float:
        """Of the whole drawing."""
        return self.bottom + EPOCHS + AXIS

    def x(self, at: float) -> float:
        """The place of a time, from the left."""
        return (at - self.start) / (self.end - self.start) * self.width

    def shows(self, start: float, end: float) -> bool:
        """Return whether any of the stretch is in view."""
        return start < self.end and end > self.start

    def span(self, start: float, end: float) -> dict[str, object]:
        """The visible part of a stretch as `x` and `width`."""
        left, right = self.x(max(start, self.start)), self.x(min(end, self.end))
        return {"x": left, "width": max(right - left, 0.5)}


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The call to draw: `duration` seconds. `peaks`: the loudest of user and agent, which fill their lanes."""

    story: Story
    recording: Recording | None
    duration: float
    peaks: tuple[float, float]

    @classmethod
    def of(cls, story: Story, recording: Recording | None) -> Scene:
        if recording is None:
            return cls(story, None, story.duration, (1.0, 1.0))
        user, agent = (_peak(side, recording.sample_rate) for side in (recording.user, recording.agent))
        return cls(story, recording, recording.duration, (user, agent))

    def draw(self, view: View, extra: str = "") -> str:
        """The stretch that `view` shows, with `extra` markup on top."""
        parts = [
            *self._epochs(view),
            *self._late(view),
            *self._holds(view),
            *self._voices(view),
            *self._speech(view),
            *(self._captions(view) if view.captions else ()),
            *self._decisions(view),
            *_axis(view),
        ]
        if self.recording is not None:
            extra += tag("line", class_="now", y1=view.top, y2=view.bottom, visibility="hidden")
        return tag(
            "svg",
            *parts,
            extra,
            data_start=None if self.recording is None else f"{view.start:.3f}",
            data_end=None if self.recording is None else f"{view.end:.3f}",
            viewBox=f"0 0 {view.width:g} {view.height:g}",
            role="img",
            aria_label=f"both voices from {view.start:.1f} to {view.end:.1f} seconds",
        )

    def is_busy(self, view: View) -> bool:
        """Return whether anybody spoke or anything was decided in the stretch."""
        spoken = any(view.shows(speech.start, speech.end) for speech in self.story.speech)
        return spoken or any(
            reply.started is not None and view.shows(reply.started, self._end_of(reply)) for reply in self.story.replies
        )

    # What is measured.

    def _voices(self, view: View) -> Iterator[str]:
        for middle in (view.user, view.agent):
            yield tag("line", class_="rest", x1=0, x2=view.width, y1=middle, y2=middle)
        if self.recording is None:
            for reply in self.story.replies:
                if reply.started is not None and view.shows(reply.started, self._end_of(reply)):
                    span = view.span(reply.started, self._end_of(reply))
                    yield tag("rect", class_="agent block", y=view.agent - 8, height=16, rx=4, **span)
            return
        sides = (
            ("user", self.recording.user, view.user, self.peaks[0]),
            ("agent", self.recording.agent, view.agent, self.peaks[1]),
        )
        for name, samples, middle, peak in sides:
            yield tag("path", class_=f"{name} voice", d=_bars(view, samples, self.recording.sample_rate, middle, peak))

    # What was made of it.

    def _speech(self, view: View) -> Iterator[str]:
        for speech in self.story.speech:
            if view.shows(speech.start, speech.end):
                span = view.span(speech.start, speech.end)
                title = tag("title", text(f"speech of {self._name(speech.participant)}, {speech.start:.2f} s"))
                yield tag("rect", title, class_="speech", y=view.user + VOICE / 2 + 2, height=3, rx=1.5, **span)

    def _holds(self, view: View) -> Iterator[str]:
        for challenge in self.story.challenges:
            start, end = challenge.hold, self._decided(challenge)
            if start is not None and view.shows(start, end):
                top = view.agent - VOICE / 2
                title = tag("title", text(f"held for {end - start:.2f} s"))
                span = view.span(start, end)
                yield tag("rect", title, class_="hold", y=top - 3, height=VOICE + 6, rx=3, **span)

    def _late(self, view: View) -> Iterator[str]:
        for late in self.story.late:
            if view.shows(late.start, late.end):
                title = tag("title", text(f"the clock was up to {late.delay * 1000:.0f} ms late"))
                height = view.agent - view.user + VOICE
                span = view.span(late.start, late.end)
                yield tag("rect", title, class_="late", y=view.user - VOICE / 2, height=height, **span)

    def _decisions(self, view: View) -> Iterator[str]:
        decided = [
            (challenge.decided, challenge)
            for challenge in self.story.challenges
            if challenge.decided is not None and challenge.decision != "none"
        ]
        for (at, challenge), following in _followed(decided):
            if not view.start <= at < view.end:
                continue
            x, decision = view.x(at), challenge.decision
            title = tag("title", text(f"{decision} at {at:.2f} s: {challenge.reason}"))
            # The drawing of a single one has its reason above it. The next word may stand before its mark.
            room = min(view.x(following) - FLAG, view.width) - x - FLAG if view.captions else 0.0
            # Where the next mark, or the end of the line, is too close, the word has its place before the mark.
            turned = min(view.x(following), view.width) - x < FLAG
            yield tag("line", title, class_=decision, x1=x, x2=x, y1=view.top + 4, y2=view.agent + VOICE / 2)
            yield tag(
                "text",
                text(decision),
                tag("tspan", text(_shortened(f" {challenge.reason}", room)), class_="why"),
                class_=f"flag {decision}",
                x=x - 4 if turned else x + 4,
                y=view.top + 10,
                text_anchor="end" if turned else None,
            )

    def _epochs(self, view: View) -> Iterator[str]:
        epochs = self.story.epochs
        ends = [*(at for at, _ in epochs[1:]), self.duration]
        for (at, epoch), end in zip(epochs, ends, strict=True):
            start = at if epoch else min(at, view.start)
            if not view.shows(start, end):
                continue
            span = view.span(start, end)
            band = "epoch odd" if epoch % 2 else "epoch"
            yield tag("rect", class_=band, y=view.bottom, height=EPOCHS, **span)
            width = span["width"]
            if isinstance(width, float) and width > 48:
                place = {"x": span["x"], "y": view.bottom, "width": width, "height": EPOCHS}
                yield tag("svg", tag("text", text(f"epoch {epoch}"), class_="small", x=5, y=EPOCHS - 3), **place)

    # What was said.

    def _captions(self, view: View) -> Iterator[str]:
        turns = [(turn.start, turn) for turn in self.story.turns if turn.text]
        for (_, turn), following in _followed(turns):
            yield from self._turn_caption(view, turn, following)
        replies = [(reply.started, reply) for reply in self.story.replies if reply.started is not None]
        for (start, reply), following in _followed(replies):
            yield from self._reply_caption(view, reply, start, following)

    def _turn_caption(self, view: View, turn: SpokenTurn, following: float) -> Iterator[str]:
        end = max(turn.end, turn.start + 0.1)
        words = list(_words_within(turn.text.split(), turn.start, end, view))
        if words:
            yield _caption(
                view,
                max(turn.start, view.start),
                following,
                0.0,
                [("said" if turn.taken else "aside", w) for w in words],
            )

    def _reply_caption(self, view: View, reply: ReplyStory, start: float, following: float) -> Iterator[str]:
        end = self._end_of(reply)
        words = [("heard", word) for word in _words_within(reply.heard.split(), start, end, view)]
        if view.start <= end < view.end:
            words += [("unheard", word) for word in reply.unheard.split()]
        if words:
            yield _caption(view, max(start, view.start), following, view.agent + VOICE / 2 + 3, words)

    # Helpers.

    def _end_of(self, reply: ReplyStory) -> float:
        return reply.ended if reply.ended is not None else self.duration

    def _decided(self, challenge: Challenge) -> float:
        return challenge.decided if challenge.decided is not None else self.duration

    def _name(self, participant: str) -> str:
        return self.story.names.get(participant, participant)


def rows(duration: float, width: float) -> list[View]:
    """The whole call in lines of one length, like a text: as many seconds in each as can be read."""
    count = max(1, int(np.ceil(duration / LONGEST_ROW)))
    length = next((seconds for seconds in (5.0, 10.0, 15.0) if duration <= seconds), duration / count)
    return [View(n * length, (n + 1) * length, width) for n in range(count)]


def _followed(items: list[tuple[float, T]]) -> Iterator[tuple[tuple[float, T], float]]:
    """Each item with the time at which the next one begins."""
    starts = [start for start, _ in items[1:]]
    yield from zip(items, [*starts, float("inf")], strict=False)


def _shortened(words: str, room: float) -> str:
    """Shorten the text to what fits into `room` pixels; to nothing if that is next to nothing."""
    fits = max(0, int(room / CHARACTER))
    if len(words) <= fits:
        return words
    return f"{words[: fits - 1].rstrip()}…" if fits > 8 else ""


def _axis(view: View) -> Iterator[str]:
    seconds_per_pixel = (view.end - view.start) / view.width
    step = next((tick for tick in _TICKS if tick >= seconds_per_pixel * _TICK_DISTANCE), _TICKS[-1])
    y = view.bottom + EPOCHS
    for n in range(int(np.ceil(view.start / step - 1e-6)), int(view.end / step + 1e-6) + 1):
        x = view.x(n * step)
        # The label stays within the drawing.
        anchor = "start" if x < 20 else "end" if x > view.width - 20 else "middle"
        yield tag("line", class_="tick", x1=x, x2=x, y1=y, y2=y + 4)
        yield tag("text", text(_clock(n * step, step)), class_="small", x=x, y=y + 14, text_anchor=anchor)


def _clock(at: float, step: float) -> str:
    minutes, seconds = divmod(round(at, 3), 60.0)
    if step >= 1.0:
        return f"{minutes:.0f}:{seconds:02.0f}"
    return f"{minutes:.0f}:{seconds:0{5 if step < 0.1 else 4}.{2 if step < 0.1 else 1}f}"


def _peak(samples: Samples, sample_rate: int) -> float:
    peaks = envelope(samples, sample_rate, 0.05)
    return max(float(np.percentile(peaks, 99.5)), 0.02) if len(peaks) else 1.0


def _bars(view: View, samples: Samples, sample_rate: int, middle: float, peak: float) -> str:
    """A voice as upright strokes; none where it is silent."""
    step = (view.end - view.start) / view.width * PITCH
    first, last = round(max(0.0, view.start) * sample_rate), round(max(0.0, view.end) * sample_rate)
    left = view.x(max(0.0, view.start))
    strokes = []
    for n, level in enumerate(envelope(samples[first:last], sample_rate, step)):
        # Between linear, where a voice is all peaks, and dB, where silence is not silent.
        half = min(1.0, float(level) / peak) ** 0.6 * (VOICE / 2)
        if level > 0.001:
            half = max(half, 0.6)
            strokes.append(f"M{left + (n + 0.5) * PITCH:.1f} {middle - half:.1f}v{2 * half:.1f}")
    return "".join(strokes)


def _words_within(words: list[str], start: float, end: float, view: View) -> Iterable[str]:
    """Those words of a text spoken evenly from `start` to `end` that fall into the view."""
    if not view.shows(start, end):
        return []
    share = len(words) / (end - start) if end > start else 0.0
    first = round((max(start, view.start) - start) * share)
    last = len(words) if end <= view.end else round((view.end - start) * share)
    return words[first:last]


def _caption(view: View, start: float, following: float, y: float, words: list[tuple[str, str]]) -> str:
    """Words of one or more classes, in two lines, as far as there is room before what follows."""
    x = min(view.x(start), view.width - 90.0)
    width = max(min(view.x(min(following, view.end)) - 6.0, view.width) - x, 60.0)
    room = max(4, int(width / CHARACTER))
    lines = _wrap(words, room)
    rows_ = [
        tag("text", *(tag("tspan", text(run), class_=kind) for kind, run in line), x=0, y=10.0 + n * LINE)
        for n, line in enumerate(lines)
    ]
    title = tag("title", text(" ".join(word for _, word in words)))
    return tag("svg", title, *rows_, class_="caption", x=x, y=y, width=width, height=CAPTION)


def _wrap(words: list[tuple[str, str]], room: int, lines: int = 2) -> list[list[tuple[str, str]]]:
    """Up to `lines` lines of runs of one class each; what does not fit is told by an ellipsis."""
    wrapped: list[list[tuple[str, str]]] = [[]]
    used = 0
    for kind, word in words:
        if used and used + 1 + len(word) > room:
            if len(wrapped) == lines:
                wrapped[-1].append(("more", " …"))
                return wrapped
            wrapped.append([])
            used = 0
        piece = f" {word}" if used else word
        used += len(piece)
        line = wrapped[-1]
        if line and line[-1][0] == kind:
            line[-1] = (kind, line[-1][1] + piece)
        else:
            line.append((kind, piece))
    return wrapped
