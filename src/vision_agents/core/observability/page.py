"""`report.html`: the report for people, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files

from ..floor.evidence import Vote
from .acoustics import Recording
from .answer_table import answer_table
from .explain import SOURCES, clock, counted, dropped, milliseconds, outcome, weight, word_times
from .facts import Distribution, InterruptionFacts, ReplyFacts, Report
from .markup import tag, text
from .player import play, player, policy
from .story import AskedText, Story
from .timeline import VOICE, Scene, View, rows

ROW_WIDTH = 1080.0
STRIP_WIDTH = 520.0

# Around an interruption, in seconds.
BEFORE = 0.5
AFTER = 0.7

# A page with more than this many drawings of single interruptions is not read any more; the table has them all.
MOST_STRIPS = 60

# Two hours: of a longer call only the lines in which something happens are drawn, and no more than these.
MOST_LINES = 480

SILENT = (
    "There is no recording of this call: put its call.wav beside trace.jsonl and run `vision-agents report` on the "
    "folder, to hear it, and to have its times measured from the sound."
)

# The weight whose bar is as long as there is room; few weigh more.
HEAVIEST = 2.0


def report_page(report: Report, story: Story, recording: Recording | None, title: str = "call", sound: str = "") -> str:
    """The whole page. `sound`: the address of the recording, to be played; "" for none."""
    scene = Scene.of(story, recording)
    body = [
        _head(report, story, title),
        player(sound) if sound else "" if recording else tag("p", text(SILENT), class_="soft"),
        _figures(report),
        *_errors(report),
        *_interruptions(report, scene, playable=bool(sound)),
        *answer_table(report, story.names),
        tag("h2", "The call"),
        _legend(late=bool(story.late)),
        *_timeline(report, scene),
        tag("h2", "What was said, and what of it was heard"),
        *(tag("p", text(_sentence(line)), class_="soft") for line in word_times(report.words)),
        tag("div", *_talk(report, story, playable=bool(sound)), class_="card talk"),
        _details(report),
    ]
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(sounds=bool(sound))),
        tag("title", text(f"{title}: call report")),
        tag("style", files(__package__).joinpath("page.css").read_text(encoding="utf-8")),
    ]
    page = tag("html", tag("head", *head), tag("body", tag("main", *body)), lang="en")
    return f"<!doctype html>\n{page}\n"


def _head(report: Report, story: Story, title: str) -> str:
    facts = [_length(report.duration)]
    if report.started is not None:
        facts.append(f"{datetime.fromtimestamp(report.started, UTC):%Y-%m-%d %H:%M} UTC")
    names = ", ".join(story.names.values())
    if names:
        facts.append(f"with {names}")
    return tag("header", tag("h1", text(title)), tag("p", text(" · ".join(facts)), class_="soft"))


def _figures(report: Report) -> str:
    counts = report.counts
    stale = f"{counts.stale_samples / 48_000:.1f} s" if counts.stale_samples else "none"
    dropped = f", in {counted(counts.stale_chunks, 'chunk')}, and was dropped" if counts.stale_samples else ""
    undecided = f", {counts.undecided} undecided" if counts.undecided else ""
    return tag(
        "section",
        _figure(*_spread(report.onset_to_silence), "from the user's first sound to the agent's last"),
        _figure(*_spread(report.response_latency), "from the user's last sound to the answer's first"),
        _figure(
            str(counts.interruptions),
            "",
            f"{'time' if counts.interruptions == 1 else 'times'} spoken over: {counts.commits} committed, "
            f"{counts.resumes} resumed{undecided}" + _second_thoughts(report),
        ),
        _figure(stale, "", f"of interrupted answers' audio came late{dropped}"),
        class_="figures",
    )


def _second_thoughts(report: Report) -> str:
    late, recovered = report.counts.late_commits, report.counts.recovered
    told = [f"{late} after a refusal" if late else "", f"{recovered} false and recovered" if recovered else ""]
    return "".join(f"; {thought}" for thought in told if thought)


def _spread(spread: Distribution | None) -> tuple[str, str]:
    if spread is None:
        return "–", ""
    return milliseconds(spread.p50), f" median, {milliseconds(spread.p95)} p95" if spread.count > 1 else ""


def _figure(value: str, detail: str, label: str) -> str:
    return tag("div", tag("b", text(value), tag("small", text(detail))), tag("span", text(label)), class_="card figure")


def _errors(report: Report) -> Iterator[str]:
    if report.errors:
        yield tag("h2", "What went wrong")
        yield tag("div", *(tag("p", text(error)) for error in report.errors), class_="card errors")


def _timeline(report: Report, scene: Scene) -> Iterator[str]:
    """The call in lines. Of very many only those in which something happens are drawn, and not more than are read."""
    lines = rows(report.duration, ROW_WIDTH)
    drawn = lines if len(lines) <= MOST_LINES else [line for line in lines if scene.is_busy(line)][:MOST_LINES]
    if len(drawn) < len(lines):
        yield tag("p", text(f"{len(lines) - len(drawn)} of {len(lines)} lines are left out here."), class_="soft")
    yield tag("div", tag("div", *map(scene.draw, drawn), class_="rows"), class_="card wide", tabindex=0)


# Interruptions.

_COLUMNS = (
    ("", "number"),
    ("at", "number"),
    ("to hold", "number"),
    ("to silence", "number"),
    ("decision", ""),
    ("why", "words"),
    ("the user", "words"),
    ("the agent", "words"),
    ("dropped", "number"),
)


def _interruptions(report: Report, scene: Scene, *, playable: bool) -> Iterator[str]:
    yield tag("h2", "Interruptions")
    if not report.interruptions:
        yield tag("p", "Nobody spoke over the agent.", class_="soft")
        return
    header = tag("tr", *(tag("th" if name else "td", text(name), class_=kind or None) for name, kind in _COLUMNS))
    names = scene.story.names
    lines = [_interruption_row(n, facts, names) for n, facts in enumerate(report.interruptions, 1)]
    yield tag("div", tag("table", header, *lines), class_="card wide", tabindex=0)
    shown = report.interruptions[:MOST_STRIPS]
    yield tag("div", *(_strip(n, facts, scene, playable=playable) for n, facts in enumerate(shown, 1)), class_="strips")


def _interruption_row(number: int, facts: InterruptionFacts, names: Mapping[str, str]) -> str:
    said = text(facts.said) if facts.said else tag("span", "no words", class_="aside")
    stale = (
        tag("p", text(f"and {counted(facts.stale_chunks, 'late chunk')}"), class_="soft") if facts.stale_chunks else ""
    )
    seconds = facts.seconds_dropped
    took = milliseconds(facts.hold_to_decision) if facts.hold_to_decision is not None else ""
    cells = (
        text(number),
        text(clock(_start(facts))),
        text(milliseconds(facts.onset_to_hold)),
        text(milliseconds(facts.felt)),
        _chip(facts) + (tag("p", text(f"after {took}"), class_="soft") if took else ""),
        _why(facts),
        tag("p", text(_who(facts, names)), class_="soft") + said,
        _words(facts.heard, facts.unheard if facts.decision == "commit" else ""),
        text("–" if seconds is None else f"{seconds:.2f} s" if seconds else "none") + stale,
    )
    return tag("tr", *(tag("td", cell, class_=kind or None) for cell, (_, kind) in zip(cells, _COLUMNS, strict=True)))


def _who(facts: InterruptionFacts, names: Mapping[str, str]) -> str:
    return "code" if facts.participant is None else names.get(facts.participant, facts.participant)


def _why(facts: InterruptionFacts) -> str:
    """The reason, what came before or after, and behind it the votes."""
    then = outcome(facts)
    story = tag("p", text(f"It {then}."), class_="then") if then else ""
    if not facts.evidence:
        return text(facts.reason) + story
    return tag("details", tag("summary", text(facts.reason)), _votes(facts.evidence)) + story


def _votes(evidence: tuple[Vote, ...]) -> str:
    """Each vote with its weight, also drawn: to the right what speaks for an interruption."""
    rows_ = (
        tag(
            "tr",
            tag("td", text(vote.strategy)),
            tag("td", text(weight(vote)), class_="number"),
            tag("td", _bar(vote.weight)),
            tag("td", text(vote.reason), class_="soft"),
        )
        for vote in evidence
    )
    return tag("table", *rows_, class_="votes")


def _bar(value: float) -> str:
    length = min(abs(value), HEAVIEST) / HEAVIEST * 50.0
    return tag(
        "svg",
        tag("line", x1=50, x2=50, y1=0, y2=10, class_="tick"),
        tag("rect", x=50.0 if value > 0 else 50.0 - length, y=2, width=length, height=6, class_=_side(value)),
        viewBox="0 0 100 10",
        class_="weight",
        aria_hidden="true",
    )


def _side(value: float) -> str:
    return "for" if value > 0 else "against"


def _chip(facts: InterruptionFacts) -> str:
    label = "open" if facts.decision == "none" else facts.decision
    return tag("span", text(label), class_=f"chip {facts.decision}", title=facts.reason)


def _words(heard: str, unheard: str) -> str:
    parts = [text(heard)] if heard else []
    if unheard:
        parts.append(tag("span", text(unheard), class_="unheard"))
    return " ".join(parts) or tag("span", "nothing yet", class_="aside")


def _strip(number: int, facts: InterruptionFacts, scene: Scene, *, playable: bool) -> str:
    start = _start(facts)
    end = max(at for at in (start, facts.decided, facts.silence, facts.hold) if at is not None)
    if facts.resumed is not None:
        end = max(end, facts.resumed)
    # A decision that took very long leaves the picture rather than the beginning too small to see.
    view = View(start - BEFORE, min(end, start + 4.0) + AFTER, STRIP_WIDTH, captions=False)
    header = tag(
        "header",
        tag("b", text(f"{number} at {clock(start)}")),
        play(view.start, "▶ play") if playable else "",
        _chip(facts),
        tag("span", text(facts.reason), class_="soft"),
    )
    figures = " · ".join(_figures_of(facts, scene.story.names))
    then = outcome(facts)
    return tag(
        "article",
        header,
        scene.draw(view, _measure(facts, view)),
        tag("p", text(figures), class_="soft small"),
        tag("p", text(f"It {then}."), class_="then") if then else "",
        _votes(facts.evidence) if facts.evidence else "",
        class_="card strip",
    )


def _figures_of(facts: InterruptionFacts, names: Mapping[str, str]) -> Iterator[str]:
    yield _who(facts, names)
    if facts.felt is not None:
        yield f"silent after {milliseconds(facts.felt)}"
    if facts.hold_to_decision is not None:
        yield f"decided after {milliseconds(facts.hold_to_decision)}"
    if facts.samples_dropped is not None:
        yield f"dropped: {dropped(facts)}"


def _measure(facts: InterruptionFacts, view: View) -> str:
    """From the onset in the user's voice to the silence of the agent's, with the time between."""
    onset = facts.onset if facts.onset is not None else facts.onset_detected
    if onset is None or facts.silence is None or facts.onset_to_silence is None:
        return ""
    x1, x2 = view.x(onset), view.x(max(facts.silence, onset))
    # In the gap, below the line of detected speech.
    y = view.agent - VOICE / 2 - 10
    return "".join(
        (
            tag("line", class_="onset", x1=x1, x2=x1, y1=view.top + 4, y2=y + 4),
            tag("line", class_="silence", x1=x2, x2=x2, y1=y - 4, y2=view.agent + VOICE / 2),
            tag("line", class_="measure", x1=x1, x2=x2, y1=y, y2=y),
            tag("text", text(milliseconds(facts.onset_to_silence)), class_="measure", x=x2 + 6, y=y + 4),
        )
    )


def _start(facts: InterruptionFacts) -> float:
    known = (facts.onset, facts.onset_detected, facts.hold, facts.decided)
    return next((at for at in known if at is not None), 0.0)


# The rest.


def _legend(late: bool) -> str:
    entries = [
        ("user", "user"),
        ("speech", "speech as detected"),
        ("agent", "agent, as played"),
        ("hold", "held"),
        ("commit", "commit: the reply is gone"),
        ("resume", "resume: it goes on"),
    ]
    if late:
        entries.append(("late", "the machine was busy, the clock late: what is played here was decided later"))
    return tag("ul", *(tag("li", tag("i", class_=kind), text(label)) for kind, label in entries), class_="legend")


def _talk(report: Report, story: Story, *, playable: bool) -> Iterator[str]:
    facts = {reply.reply: reply for reply in report.replies}
    said = [
        (turn.start, "user", story.names.get(turn.participant, turn.participant), _turn_words(turn.text, turn.taken))
        for turn in story.turns
        if turn.text
    ]
    replies = [
        (reply.started, "agent", "Agent", _words(reply.heard, reply.unheard) + _source(facts.get(reply.number)))
        for reply in story.replies
        if reply.started is not None
    ]
    asked = [(each.at, "user", *_asked(each, story.names)) for each in story.texts]
    lines = sorted(said + asked + replies, key=lambda line: line[0])
    if not lines:
        yield tag("p", "No words.", class_="soft")
    for at, side, name, words in lines:
        place = play(at, f"▶ {clock(at)}") if playable else tag("time", text(clock(at)))
        yield tag("div", place, tag("b", text(name), class_=side), tag("span", words))


def _asked(asked: AskedText, names: Mapping[str, str]) -> tuple[str, str]:
    """Whoever asked by text, and the text."""
    if asked.participant is None:
        return "by text", text(asked.text)
    return names.get(asked.participant, asked.participant), text(asked.text) + tag("small", "typed", class_="soft")


def _source(facts: ReplyFacts | None) -> str:
    if facts is None or facts.source in ("none", "unknown"):
        return ""
    goes_on = f"goes on with reply {facts.continues} · " if facts.continues else ""
    return tag("small", text(f"{goes_on}word times {SOURCES[facts.source]}"), class_="soft")


def _turn_words(words: str, taken: bool) -> str:
    return text(words) if taken else tag("span", text(f"{words} (no turn)"), class_="aside")


def _details(report: Report) -> str:
    trust = (
        f"The call's clock was never more than {milliseconds(report.worst_delay)} late."
        if report.worst_delay is not None
        else ""
    )
    measured = (
        "Onsets and ends of the user's speech are measured from the energy of the user's channel, the agent's silence "
        "and first sound from the samples that were really played. " + trust
        if report.recording
        else "There is no recording: the times are those that the detector and the agent reported."
    )
    lines = [tag("tr", tag("td", text(name)), tag("td", text(value))) for name, value in report.policy.items()]
    return tag(
        "details",
        tag("summary", "How it was measured, and how interruptions were judged"),
        tag("p", text(measured)),
        tag("table", *lines),
    )


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."


def _length(duration: float) -> str:
    minutes, seconds = divmod(round(duration), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
