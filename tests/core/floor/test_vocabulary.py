"""The words of each language, and how they are found in a text."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from vision_agents.core.floor.phrases import PHRASES
from vision_agents.core.floor.vocabulary import ALL, LANGUAGES, Vocabulary, tokens, word_count

ENGLISH = Vocabulary.of("en")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("  …!? ", ()),
        ("Wait, STOP!", ("wait", "stop")),
        ("that’s it", ("that's", "it")),
        ("mm-hmm", ("mm-hmm",)),
        ("- no -", ("no",)),
        ("_no_ 42", ("no", "42")),
        ("好的。", ("好", "的")),
        ("はい stop", ("は", "い", "stop")),
        ("잠깐만 기다려", ("잠깐만", "기다려")),
        ("Ça va, Größe", ("ça", "va", "größe")),
        ("Cafe\u0301 vâng", ("café", "vâng")),
        ("İyi fikir", ("iyi", "fikir")),
        ("हाँ, ठीक है।", ("हां", "ठीक", "है")),
        ("আচ্ছা", ("আচ্ছা",)),
        ("نَعَم، أيوه", ("نعم", "ايوه")),
        ("ٹھیک ہے", tokens("ٹھيك ہے")),
        ("שָׁלוֹם", ("שלום",)),
        ("ใช่ ok", ("ใ", "ช", "่", "ok")),
    ],
)
def test_the_words_of_a_text(text: str, words: tuple[str, ...]) -> None:
    assert tokens(text) == words


def test_characters_are_parts_of_words() -> None:
    assert word_count(tokens("tell me more")) == 3.0
    assert word_count(tokens("我想去北京")) == pytest.approx(2.0)
    assert word_count(tokens("ขอบคุณครับ")) == pytest.approx(2.2)
    assert word_count(()) == 0.0


@pytest.mark.parametrize("language", LANGUAGES)
class TestEveryLanguage:
    def test_it_has_words_of_each_kind(self, language: str) -> None:
        vocabulary = Vocabulary.of(language)
        for kind in fields(Vocabulary):
            phrases = getattr(vocabulary, kind.name)
            assert phrases
            assert all(phrase == phrase.strip().lower() and tokens(phrase) for phrase in phrases)

    def test_no_phrase_is_there_twice(self, language: str) -> None:
        for phrases in PHRASES[language].values():
            assert len(phrases.split("|")) == len(set(phrases.split("|")))

    def test_a_backchannel_has_no_content_and_is_no_command(self, language: str) -> None:
        vocabulary = Vocabulary.of(language)
        for phrase in vocabulary.backchannels:
            assert not vocabulary.content(tokens(phrase)), phrase
            assert not vocabulary.has_command(tokens(phrase)), phrase
            assert vocabulary.has_command((*tokens(phrase), *tokens(min(vocabulary.commands)))), phrase

    def test_a_command_is_one_among_other_words_too(self, language: str) -> None:
        vocabulary = Vocabulary.of(language)
        for phrase in vocabulary.commands:
            assert vocabulary.has_command(("x", *tokens(phrase.title() + "!"), "x")), phrase

    def test_an_answer_is_one_and_without_content(self, language: str) -> None:
        vocabulary = Vocabulary.of(language)
        for phrase in vocabulary.answers:
            assert vocabulary.has_answer(tokens(phrase)), phrase

    def test_it_is_among_the_words_of_all(self, language: str) -> None:
        vocabulary = Vocabulary.of(language)
        for kind in fields(Vocabulary):
            assert getattr(vocabulary, kind.name) <= getattr(ALL, kind.name)


class TestContent:
    @pytest.mark.parametrize("text", ["uh-huh", "yeah, yeah", "um, okay", "all right", "you know", "that's right", ""])
    def test_none(self, text: str) -> None:
        assert ENGLISH.content(tokens(text)) == ()

    @pytest.mark.parametrize(
        ("text", "content"),
        [
            ("yeah but why", ("but", "why")),
            ("um tell me", ("tell", "me")),
            ("you", ()),
            ("you go", ("go",)),
            ("all day", ("all", "day")),
        ],
    )
    def test_some(self, text: str, content: tuple[str, ...]) -> None:
        assert ENGLISH.content(tokens(text)) == content

    def test_the_longest_phrase_is_taken(self) -> None:
        """The shorter one would leave "moment" over."""
        vocabulary = Vocabulary(frozenset({"one", "one moment"}), frozenset(), frozenset(), frozenset())
        assert vocabulary.content(("one", "moment", "please")) == ("please",)

    def test_a_command_within_a_backchannel_is_none(self) -> None:
        assert not ENGLISH.has_command(tokens("no problem"))
        assert ENGLISH.has_command(tokens("no, problem solved? no"))
        assert ENGLISH.has_command(tokens("no, that is a problem"))

    def test_half_a_phrase_is_none(self) -> None:
        assert not ENGLISH.has_command(("hold",))
        assert not ENGLISH.has_command(("hold", "it", "on"))
        assert ENGLISH.has_command(("please", "hold", "on"))

    def test_characters_make_up_phrases(self) -> None:
        chinese = Vocabulary.of("zh")
        assert chinese.content(tokens("好的，我想去")) == ("我", "想", "去")
        assert chinese.has_command(tokens("请等一下"))
        assert not chinese.has_command(tokens("一下"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("um so", 0), ("yeah", 1), ("oh, I see, right", 4), ("yeah, but the car", 1), ("嗯嗯", 0.8)],
)
def test_backchannels_are_counted_by_their_words(text: str, expected: float) -> None:
    assert ALL.backchannel_count(tokens(text)) == expected


def test_a_phrase_without_any_word_is_never_found() -> None:
    assert Vocabulary(frozenset({"…", ""}), frozenset(), frozenset(), frozenset()).content(("x",)) == ("x",)


def test_one_list_may_be_replaced() -> None:
    mine = replace(ENGLISH, commands=frozenset({"computer"}))
    assert mine.has_command(("computer",))
    assert not mine.has_command(("stop",))
    assert ENGLISH.has_command(("stop",))
    assert not mine.content(tokens("uh-huh"))


def test_languages_may_be_chosen() -> None:
    both = Vocabulary.of("en", "de")
    assert both.has_command(("warte",))
    assert both.has_command(("wait",))
    assert not ENGLISH.has_command(("warte",))


def test_a_language_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no words for the language 'tlh'; known are: en, de, "):
        Vocabulary.of("en", "tlh")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("got", True),
        ("sound", True),
        ("yeah that's", True),
        ("got it", False),
        ("yeah", False),
        ("got to go", False),
        ("tell", False),
        ("no", True),
        ("no problem no", True),
        ("stop", False),
        ("", False),
    ],
)
def test_what_may_become_a_listeners(said: str, expected: bool) -> None:
    assert Vocabulary.of("en").may_be_idle(tokens(said)) is expected


def test_the_phrases_of_each_kind_are_listed_in_order() -> None:
    listed = ENGLISH.phrases
    assert list(listed) == [kind.name for kind in fields(Vocabulary)]
    for kind, phrases in listed.items():
        assert phrases == sorted(getattr(ENGLISH, kind))
    assert ENGLISH.phrases is listed
