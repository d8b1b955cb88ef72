"""The events of the floor: what they say when they say nothing more."""

from __future__ import annotations

from vision_agents.core.floor import events as ev


def test_a_detector_that_gives_no_figures_is_sure_and_prompt() -> None:
    assert ev.SpeechStarted(1.0, "ann") == ev.SpeechStarted(1.0, "ann", confidence=1.0, onset_delay=0.0)
    assert ev.SpeechContinued(1.0, "ann") == ev.SpeechContinued(1.0, "ann", confidence=1.0, voiced=0.0, level=None)
    assert ev.SpeechEnded(1.0, "ann") == ev.SpeechEnded(1.0, "ann", voiced=0.0, trailing_silence=0.0)
    assert ev.TurnStarted(1.0, "ann") == ev.TurnStarted(1.0, "ann", confidence=1.0)
    assert ev.TurnEnded(1.0, "ann") == ev.TurnEnded(1.0, "ann", 1.0, duration=None, trailing_silence=0.0)


def test_words_are_a_guess_and_a_reply_may_be_interrupted_unless_it_is_said() -> None:
    assert ev.TranscriptReceived(1.0, "ann", "x") == ev.TranscriptReceived(1.0, "ann", "x", False, None, "")
    assert ev.ReplyRequested(1.0, 1) == ev.ReplyRequested(1.0, 1, interruptible=True)
