"""The kinds that the arguments of `Agent` are of, and what to write in place of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..conversation import Conversation
from ..echo import EchoCanceller
from ..edge import EdgeTransport
from ..floor import InterruptionPolicy
from ..floor.vocabulary import Vocabulary
from ..labels import label
from ..llm import LLM, Filler, Realtime
from ..participants import User
from ..stt import STT
from ..tasks import is_async
from ..tts import TTS
from ..turn_detection import TurnDetector
from ..vad import VAD
from ..voiceprint import Voiceprint


@dataclass(frozen=True, slots=True)
class Wanted:
    """An argument is of one of these kinds, which are `called` so, and can be written as in `example`."""

    kinds: tuple[type, ...]
    called: str
    example: str
    optional: bool = True


TAKES: Mapping[str, Wanted] = {
    "edge": Wanted((EdgeTransport,), "an edge", "local.Edge()", optional=False),
    "llm": Wanted((LLM, Realtime), "a model", "openai.LLM()", optional=False),
    "agent_user": Wanted((User,), "a User", 'User(id="agent", name="Agent")', optional=False),
    "instructions": Wanted((str,), "a text", '"You are …"', optional=False),
    "stt": Wanted((STT,), "an STT", "moonshine.STT()"),
    "tts": Wanted((TTS,), "a TTS", "piper.TTS()"),
    "turn_detection": Wanted((TurnDetector,), "a turn detector", "smart_turn.TurnDetection()"),
    "vad": Wanted((VAD,), "a VAD", "silero.VAD()"),
    "interruption": Wanted((InterruptionPolicy,), "an InterruptionPolicy", "InterruptionPolicy(…)"),
    "vocabulary": Wanted((Vocabulary,), "a Vocabulary", 'Vocabulary.of("en")', optional=False),
    "strategies": Wanted((Iterable,), "a list of instances of Strategy", "[MyStrategy()]", optional=False),
    "may_interrupt": Wanted((Callable,), "a function", "lambda participant: …"),  # type: ignore[arg-type]
    "echo_cancellation": Wanted((EchoCanceller,), "an echo canceller", "livekit.EchoCanceller()"),
    "voiceprint": Wanted((Voiceprint,), "a Voiceprint", "resemblyzer.Voiceprint()"),
    "conversation": Wanted((Conversation,), "a Conversation", "Conversation()"),
    "filler": Wanted((str, Filler), "a text or a Filler", '"One moment, please."'),
    "apology": Wanted((str,), "a text", '"Sorry, please say that again."', optional=False),
}


def check(given: Mapping[str, object], *, optional: bool = True) -> None:
    """Look at arguments by their names; other names are left alone. Raises TypeError for what is of a wrong kind.

    `optional`: None is taken for those that `Agent` need not be given.
    """
    for name, wanted in TAKES.items():
        if name not in given or (given[name] is None and wanted.optional and optional):
            continue
        if not _fits(given[name], wanted):
            raise TypeError(f"{name} must be {wanted.called}, not {_instead(name, given[name], wanted)}")
    if is_async(given.get("may_interrupt")):
        raise TypeError("may_interrupt is called and not awaited: write it with `def`, not `async def`")


def _fits(value: object, wanted: Wanted) -> bool:
    # A text is iterable too.
    return isinstance(value, wanted.kinds) and not (isinstance(value, str) and str not in wanted.kinds)


def _instead(name: str, value: object, wanted: Wanted) -> str:
    """Say what it is, and what to write."""
    if isinstance(value, type):
        known_as = label(value).removeprefix(f"{value.__module__}.")
        what = f"the class {known_as} itself"
        if issubclass(value, wanted.kinds):
            return f"{what}: call it, as in {name}={known_as}(…)"
        return f"{what}: write {name}={wanted.example}"
    what = "None" if value is None else type(value).__name__
    others = (other for other, takes in TAKES.items() if takes.kinds[0].__module__.startswith("vision_agents."))
    place = next((other for other in others if isinstance(value, TAKES[other].kinds)), None)
    if place is not None:
        return f"{what}, which is for {place}: was it swapped with another argument?"
    return f"{what}: write {name}={wanted.example}"
