"""The agent as a realtime model sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import PlayedResponse, Realtime
from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant
from vision_agents.core.tts import Word

from .harness import HearingLog


@dataclass(slots=True)
class Said:
    """A response as it was reported. `place`: in the history. `request`, `more`: see
    `Realtime.report_response_started` and `report_response_done`."""

    epoch: int
    place: int
    request: int | None = None
    audio: list[PcmData] = field(default_factory=list)
    text: str = ""
    done: bool = False
    more: bool = False

    @property
    def seconds(self) -> float:
        return sum(piece.duration for piece in self.audio)


class Player(HearingLog):
    """The agent as a realtime model sees it: takes what is said, and interrupts it when somebody takes the turn.

    Of what it interrupts it has heard half of what came. It keeps the model's `conversation` true to that. `faults` is
    what it was told and should not have been.
    """

    def __init__(self, model: Realtime) -> None:
        super().__init__()
        self.responses: dict[str, Said] = {}
        self.faults: list[str] = []
        self.interruptions = 0
        # The responses, or None, of which the model said that it will not finish them.
        self.lost: list[str | None] = []
        # The keys of the texts that these answer.
        self.lost_requests: list[int | None] = []
        self._model = model
        self._playing: list[str] = []
        self.attachment = Attachment(hearing=self, output=self)
        model.attach(self.attachment)

    @property
    def said(self) -> list[str]:
        """The texts of the responses that were not interrupted and are done."""
        return [r.text for r in self.responses.values() if r.done and r.epoch == self._model.epoch]

    @property
    def last(self) -> Said:
        return list(self.responses.values())[-1]

    def interrupt(self) -> None:
        """Stop what is said, as the agent does."""
        cut = [(name, self.responses[name]) for name in self._playing]
        self._playing.clear()
        self.interruptions += 1
        heard = [PlayedResponse(name, said.seconds / 2, said.text[: len(said.text) // 2]) for name, said in cut]
        for (_, said), one in zip(cut, heard, strict=True):
            self._remember(said, one.text, interrupted=True)
        self._model.cut_off(*heard)
        self._model.interrupt()

    def turn_started(self, participant: Participant, confidence: float) -> None:
        super().turn_started(participant, confidence)
        if self._playing:
            self.interrupt()

    def answer_lost(self, response: str | None, request: int | None = None) -> None:
        self.lost.append(response)
        self.lost_requests.append(request)

    def interrupted(self) -> None:
        if self._playing:
            self.interrupt()

    def response_started(self, response: str, epoch: int, request: int | None = None) -> None:
        self._check(response not in self.responses, f"response {response} begins twice")
        self._check(epoch == self._model.epoch, f"response {response} is born in another epoch than the current one")
        self.responses[response] = Said(epoch, self._model.conversation.place(), request)
        self._playing.append(response)

    def response_audio(self, response: str, audio: PcmData, epoch: int) -> None:
        said = self.responses[response]
        self._check(epoch == said.epoch == self._model.epoch, f"stale audio of {response} is reported")
        self._check(not said.done, f"audio of {response} comes after its end")
        said.audio.append(audio)

    def response_text(self, response: str, delta: str, words: tuple[Word, ...]) -> None:
        said = self.responses[response]
        said.text += delta
        if response in self._playing:
            self._remember(said, said.text)

    def response_done(self, response: str, more: bool = False) -> None:
        if response in self.responses:
            self.responses[response].done = True
            self.responses[response].more = more

    def words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        super().words(participant, text, final, confidence, alternative, place)
        if final and text:
            self._model.conversation.user_said(text, participant.id, place)

    def _remember(self, said: Said, text: str, interrupted: bool = False) -> None:
        message = Message(Role.ASSISTANT, text.strip(), interrupted) if text.strip() else None
        self._model.conversation.put(said.place, message)

    def _check(self, good: bool, fault: str) -> None:
        if not good:
            self.faults.append(fault)
