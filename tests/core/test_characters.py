"""Halves of characters: joined, or replaced, before anything has to encode them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.characters import Characters, whole, whole_values
from vision_agents.core.conversation import Message, Role, ToolCall

HALVES = st.text(st.sampled_from("a\U0001f600\ud83d\ude00"), max_size=12)


def test_text_of_whole_characters_is_as_it_was():
    for text in ("", "hello", "grün 😀", "\x00\u2028"):
        assert whole(text) is text


def test_halves_are_joined_and_one_alone_is_replaced():
    assert whole("so \ud83d\ude00!") == "so 😀!"
    assert whole("so \ud83d!") == "so \ufffd!"
    assert whole("\ude00\ud83d") == "\ufffd\ufffd"


@given(HALVES, st.lists(st.integers(0, 12), max_size=4))
def test_it_does_not_matter_where_the_pieces_are_cut(text, cuts):
    places = [0, *sorted(cuts), len(text)]
    characters = Characters()
    pieces = [characters.take(text[start:end]) for start, end in pairwise(places)]
    "".join(pieces).encode()
    assert "".join(pieces) + characters.finish() == whole(text)
    assert characters.finish() == ""


def test_what_is_in_a_conversation_can_be_encoded():
    made = Message(
        Role.ASSISTANT, "so \ud83d", unheard="\ude00", tool_calls=(ToolCall("1", "send", {"a": ["\ud83d"]}),)
    )
    assert (made.text, made.unheard, made.tool_calls[0].arguments) == ("so \ufffd", "\ufffd", {"a": ["\ufffd"]})
    assert whole_values({"\ud83d\ude00": [1, None, "\ud83d"]}) == {"😀": [1, None, "\ufffd"]}
