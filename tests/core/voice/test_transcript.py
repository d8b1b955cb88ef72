"""From samples to words: what was heard is a beginning of what was said, and grows with what was played."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.tts import Word
from vision_agents.core.voice import ReplyTranscript
from vision_agents.core.voice.transcript import (
    CHARACTERS_PER_SECOND,
    DRAWN_OUT,
    FASTEST,
    TRAIL,
    SpeakingRate,
    Utterance,
)

WORD = st.text("abcdefghij", min_size=1, max_size=8)


@st.composite
def transcripts(draw):
    """A reply of up to four sentences, some of them timed by the provider, the last ones perhaps not complete."""
    transcript = ReplyTranscript()
    at = 0.0
    complete = True
    for tokens in draw(st.lists(st.lists(WORD, min_size=1, max_size=6), min_size=1, max_size=4)):
        utterance = transcript.add(" ".join(tokens))
        if not complete:
            continue  # Sentences are synthesised one after the other.
        utterance.start = at
        times = draw(st.lists(st.floats(0.01, 1.0), min_size=len(tokens), max_size=len(tokens)))
        utterance.length = sum(times)
        complete = utterance.complete = complete and draw(st.booleans())
        # The provider gives the times of all words or of none, and while it still speaks of some.
        known = draw(st.sampled_from((0, len(tokens))) if complete else st.integers(0, len(tokens)))
        for index in range(known):
            utterance.words.append(Word(tokens[index], sum(times[:index]), sum(times[: index + 1])))
        at += utterance.length
    return transcript, at


@given(transcripts(), st.lists(st.floats(-0.1, 30), max_size=8))
def test_what_was_heard_grows_word_by_word_and_nothing_is_lost(made, times):
    transcript, _ = made
    words = transcript.text.split()
    heard = -1
    for seconds in sorted(times):
        division = transcript.at(seconds)
        count = len(division.heard.split())
        assert count >= heard
        assert division.heard.split() == words[:count]
        assert division.unheard.split() == words[count:]
        heard = count


@given(transcripts(), st.floats(-0.01, 30))
def test_the_start_of_a_word_is_never_ahead(made, seconds):
    transcript, _ = made
    assert transcript.start_of_word_at(seconds) <= seconds


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=50), st.sampled_from([22_050, 24_000, 48_000]))
def test_a_reply_played_to_its_last_sample_was_heard_and_needs_no_estimate(chunks, rate):
    transcript = ReplyTranscript()
    utterance = transcript.add("one two three")
    utterance.start = 0.0
    for count in chunks:
        utterance.length += count / rate
    utterance.complete = True
    played = round(sum(chunks) / rate * 48_000) / 48_000
    assert transcript.at(played) == type(transcript.at(0))("one two three", "", False)


def test_of_a_reply_without_a_sample_played_nothing_was_heard():
    transcript = ReplyTranscript()
    utterance = transcript.add("…")
    utterance.start, utterance.complete = 0.0, True
    assert transcript.at(0.0).heard == ""
    assert transcript.at(0.0).unheard == "…"


def test_the_words_are_the_texts_own_once_all_of_it_was_played():
    transcript = ReplyTranscript()
    utterance = transcript.add("It is 1984.")
    utterance.start, utterance.length, utterance.complete = 0.0, 2.0, True
    utterance.words = [Word("it", 0, 0.5), Word("is", 0.5, 1), Word("nineteen", 1, 1.5), Word("eighty-four", 1.5, 2)]
    assert transcript.at(2.0).heard == "It is 1984."
    assert transcript.at(1.4).heard == "it is nineteen"


def test_estimated_words_follow_the_known_ones():
    transcript = ReplyTranscript()
    utterance = transcript.add("slow slow go go")
    utterance.start, utterance.length = 0.0, 3.0
    utterance.words = [Word("slow", 0.0, 1.4), Word("slow", 1.4, 2.8)]
    assert transcript.at(1.5).heard == "slow"
    assert transcript.at(1.5).estimated
    assert transcript.start_of_word_at(2.0) == pytest.approx(1.4)


def test_a_word_is_heard_when_half_of_it_was():
    transcript = ReplyTranscript()
    utterance = transcript.add("one two")
    utterance.start, utterance.length = 1.0, 1.0
    utterance.words = [Word("one", 0.0, 0.4), Word("two", 0.6, 1.0)]
    assert transcript.at(1.19).heard == ""
    assert transcript.at(1.21).heard == "one"
    # Between words there is none to go back to.
    assert transcript.start_of_word_at(1.5) == 1.5
    assert transcript.start_of_word_at(1.7) == pytest.approx(1.6)


@pytest.mark.parametrize("nonsense", [float("nan"), -5.0, 1e9])
def test_nonsense_times_divide_somewhere_and_lose_nothing(nonsense):
    transcript = ReplyTranscript()
    utterance = transcript.add("one two three")
    utterance.start, utterance.length = 0.0, 1.0
    utterance.words = [Word("one", 0.0, 0.3), Word("two", nonsense, nonsense), Word("three", 0.6, 1.0)]
    division = transcript.at(0.5)
    assert f"{division.heard} {division.unheard}".split() == ["one", "two", "three"]
    transcript.start_of_word_at(0.5)


def test_a_reply_has_parts_between_which_functions_are_called():
    transcript = ReplyTranscript()
    assert transcript.divide() is None
    for text in ("Let me see.", "One moment."):
        utterance = transcript.add(text)
        utterance.start, utterance.length, utterance.complete = (0.0 if text[0] == "L" else 1.0), 1.0, True
    assert transcript.divide() == 0
    assert transcript.divide() is None
    transcript.add("It rains.")
    text = transcript.at(1.0)
    assert text.parts == (("Let me see.", "One moment."), ("", "It rains."))
    assert (text.heard, text.unheard) == ("Let me see.", "One moment. It rains.")


SENTENCES = st.lists(st.lists(WORD, min_size=1, max_size=30).map(" ".join), min_size=1, max_size=4)


def spoken(text, pace):
    """An utterance of `pace` characters a second, from its first sample to its last."""
    characters = sum(len(word) + 1 for word in text.split()) + DRAWN_OUT
    return Utterance(text, 0.0, characters / pace + TRAIL, True)


def heard_of(utterance, seconds):
    transcript = ReplyTranscript()
    transcript._utterances.append(utterance)
    return len(transcript.at(seconds).heard.split())


@given(SENTENCES, SENTENCES, st.floats(3.0, 30.0), st.floats(0, 1), st.floats(0, 1))
def test_no_word_is_claimed_that_the_voice_has_not_come_to(said, texts, pace, came, heard):
    rate = SpeakingRate()
    for text in said:
        rate.learn(spoken(text, pace))
    text = " ".join(texts)
    whole = spoken(text, pace)
    length = came * (whole.length - TRAIL)
    claimed = heard_of(Utterance(text, 0.0, length, rate=rate.known), heard * length)
    # While too little was said to know this voice's pace, it is the assumed one that is not to be exceeded.
    truth = whole if rate.known is not None else spoken(text, CHARACTERS_PER_SECOND)
    assert claimed <= heard_of(truth, heard * length + 1e-6)


@given(SENTENCES, SENTENCES, st.floats(3.0, 30.0), st.floats(0, 1))
def test_of_what_a_model_lost_nothing_is_claimed_that_has_no_sound(said, texts, pace, came):
    rate = SpeakingRate()
    for text in said:
        rate.learn(spoken(text, pace))
    text = " ".join(texts)
    whole = spoken(text, pace)
    length = came * (whole.length - TRAIL)
    claimed = heard_of(Utterance(text, 0.0, length, True, rate=rate.known, broken_off=True), length)
    truth = whole if rate.known is not None else spoken(text, CHARACTERS_PER_SECOND)
    assert claimed <= heard_of(truth, length + 1e-6)


def written(text, pace, came, *, ahead, rate):
    """What a model lost after so many seconds of its audio, whose words come so many times as fast as that."""
    utterance = Utterance("", 0.0, rate=rate, complete=True, broken_off=True)
    characters = 0
    for word in text.split():
        utterance.length = min(came, characters / pace / ahead)
        utterance.write(f" {word}")
        characters += len(word) + 1
    utterance.length = came
    return utterance


@given(SENTENCES, st.floats(3.0, 30.0), st.floats(0, 1), st.floats(1.0, 20.0), st.booleans())
def test_however_far_the_text_runs_ahead_of_the_sound_no_voice_is_taken_to_have_hurried(
    texts, pace, came, ahead, known
):
    text, rate = " ".join(texts), pace if known else CHARACTERS_PER_SECOND
    length = came * (spoken(text, pace).length - TRAIL)
    lost = written(text, pace, length, ahead=ahead, rate=pace if known else None)
    claimed = heard_of(lost, length)
    assert claimed <= heard_of(spoken(text, FASTEST * rate), length + 1e-6) + 1


def test_of_a_sentence_that_is_written_before_it_sounds_only_what_came_was_heard_though_another_is_written():
    lost = Utterance("", 0.0, complete=True, broken_off=True)
    lost.write("One two three four five six seven eight nine ten.")
    lost.length = 0.4
    lost.write(" Eleven twelve thirteen.")
    lost.length = 0.8
    assert heard_of(lost, 0.8) == 3


@given(st.integers(2, 60), st.floats(1.01, 10.0))
def test_what_takes_longer_than_assumed_and_goes_on_is_not_yet_said(words, slower):
    text = " ".join(["word"] * words)
    length = slower * (spoken(text, CHARACTERS_PER_SECOND).length - TRAIL)
    assert heard_of(Utterance(text, 0.0, length), length) <= words * 2 / 3 + 1
    assert heard_of(Utterance(text, 0.0, length, complete=True), length) == words


def test_a_rate_is_known_from_a_second_of_speech_on_and_follows_the_latest_utterances():
    rate = SpeakingRate()
    rate.learn(spoken("no", 10.0))
    assert rate.known is None
    rate.learn(Utterance("", 0.0, 5.0, True))  # its text has not come
    assert rate.known is None
    rate.learn(spoken("but yes of course", 10.0))
    assert rate.known == pytest.approx(10.0)
    for _ in range(8):
        rate.learn(spoken("but yes of course", 5.0))
    assert rate.known == pytest.approx(5.0)
