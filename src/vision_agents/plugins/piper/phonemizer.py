"""Text to the phonemes of a Piper voice."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

from piper import PhonemeType, PiperConfig, PiperVoice

from .alignment import SPACE


class Phonemizer:
    """The pronunciation of a voice's language.

    espeak's state is global to the process. piper sets its language and asks it under one lock, so this may be used
    from any thread; a call holds the GIL, for less than 1 ms a sentence.

    Raises:
        ValueError: the voice's phonemes come from neither espeak nor the letters of the text.
    """

    def __init__(self, config: PiperConfig) -> None:
        if config.phoneme_type not in (PhonemeType.ESPEAK, PhonemeType.TEXT):
            raise ValueError(
                f"voices with {config.phoneme_type.value} phonemes are not supported, only espeak and text"
            )
        self._known = frozenset(config.phoneme_id_map)
        self._piper = PiperVoice(session=cast(Any, None), config=config)  # only synthesis needs a session
        # Function words come again and again; espeak takes about 0.1 ms for each.
        self.word = lru_cache(maxsize=4096)(self._word)
        """The phonemes of a word that is spoken alone."""

    def phonemes(self, text: str) -> list[str]:
        """The phonemes of one sentence, one an item; none where there is nothing to say.

        espeak ends a sentence after "Dr." too. As `text` is one sentence here, such an end is taken out.
        """
        joined: list[str] = []
        for part in self._piper.phonemize(_speakable(text)):
            if joined and joined[-1] == ".":
                joined[-1] = SPACE
            elif joined:
                joined.append(SPACE)
            joined += part
        return [phoneme for phoneme in joined if phoneme in self._known]

    def _word(self, text: str) -> tuple[str, ...]:
        return tuple(self.phonemes(text))


def _speakable(text: str) -> str:
    """`text` without what espeak cannot take (control characters, lone surrogates) and piper's [[raw phonemes]]."""
    spoken = "".join(" " if character < " " or "\ud800" <= character <= "\udfff" else character for character in text)
    return spoken.replace("[[", "[ [")
