"""The part of a conversation that a model is told."""

from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.conversation import Message, Role, ToolCall, recent
from vision_agents.core.conversation.window import STEP, TOKENS_PER_MESSAGE, estimated_tokens

USER = st.text(max_size=60).map(lambda text: [Message(Role.USER, text)])
ASSISTANT = st.text(max_size=60).map(lambda text: [Message(Role.ASSISTANT, text)])


@st.composite
def calls(draw):
    names = [f"call {number}" for number in range(draw(st.integers(1, 3)))]
    asked = Message(Role.ASSISTANT, "", tool_calls=tuple(ToolCall(name, "look", {"at": "Ulm"}) for name in names))
    return [asked, *(Message(Role.TOOL, draw(st.text(max_size=30)), tool_call_id=name) for name in names)]


CONVERSATIONS = st.lists(st.one_of(USER, ASSISTANT, calls()), max_size=30).map(
    lambda parts: [message for part in parts for message in part]
)


def size(messages):
    return sum(map(estimated_tokens, messages))


@given(CONVERSATIONS, st.integers(1, 400))
def test_it_is_the_latest_part_and_no_call_is_without_its_outputs(messages, tokens):
    left = recent(messages, tokens)
    assert left == tuple(messages[len(messages) - len(left) :])
    assert left[-1:] == tuple(messages[-1:])
    # One group alone may be too long.
    assert (
        size(left) <= tokens
        or sum(message.role is not Role.TOOL for message in left) == 1
        or (not any(message.role is Role.USER for message in left[1:]))
    )
    if left:
        assert left[0].role is not Role.TOOL
    if size(messages) <= tokens:
        assert left == tuple(messages)
    elif any(message.role is Role.USER for message in left):
        assert left[0].role is Role.USER


def test_what_fits_is_left_and_the_oldest_goes_in_steps():
    messages = [Message(Role.USER, "x" * 4 * (100 - TOKENS_PER_MESSAGE)) for _ in range(100)]
    assert len(recent(messages[:10], 1000)) == 10
    starts = {len(messages[:count]) - len(recent(messages[:count], 1000)) for count in range(1, 101)}
    # The window moves by a quarter of itself, not with every message.
    assert len(starts) <= 90 / (10 * STEP) + 2
    assert all(7 <= len(recent(messages[:count], 1000)) <= 10 for count in range(10, 101))


def test_outputs_whose_call_was_forgotten_go_too():
    assert recent([Message(Role.TOOL, "rain", tool_call_id="1"), Message(Role.USER, "so?")], 100) == (
        Message(Role.USER, "so?"),
    )


def test_a_lone_surrogate_has_a_size_too():
    assert estimated_tokens(Message(Role.USER, "\ud83d")) == 1 + TOKENS_PER_MESSAGE
