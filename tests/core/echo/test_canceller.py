"""The base class of echo cancellers: what a subclass must bring, and what it may leave out."""

import pytest

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.echo import EchoCanceller
from vision_agents.core.participants import Participant


class Bypass(EchoCanceller):
    def played(self, frame: Samples) -> None:
        pass

    def cancel(self, audio: PcmData, participant: Participant) -> PcmData:
        return audio


async def test_a_canceller_without_state_needs_only_the_two_methods_of_the_audio() -> None:
    canceller = Bypass()
    await canceller.start()
    audio = PcmData.silence(0.02, 16_000)
    assert canceller.cancel(audio, Participant("anna")) is audio
    canceller.forget(Participant("anna"))
    await canceller.close()


@pytest.mark.parametrize("method", ["played", "cancel"])
def test_neither_of_them_may_be_missing(method: str) -> None:
    both = {"played": Bypass.played, "cancel": Bypass.cancel}
    del both[method]
    with pytest.raises(TypeError, match=method):
        type("Half", (EchoCanceller,), both)()
