"""What a new realtime session is told of the one before."""

from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm.record import LIMIT, SessionRecord


def told(record: SessionRecord) -> list[tuple[str, str]]:
    return [(message.role.value, message.text) for message in record.messages]


def test_words_take_the_place_of_their_turn_however_late_they_come() -> None:
    record = SessionRecord()
    record.turn("turn 1", "anna")
    record.response("response 1", "One ")
    record.response("response 1", "two.")
    record.turn("turn 2", "anna")
    record.user_said("And then?", "anna", "turn 2")
    record.user_said("Count.", "anna", "turn 1")
    assert told(record) == [("user", "Count."), ("assistant", "One two."), ("user", "And then?")]


def test_what_was_cut_off_stays_as_it_was_heard() -> None:
    record = SessionRecord()
    record.response("response 1", "One two three")
    record.cut("response 1", "One two")
    record.response("response 1", " four.")
    record.cut("unknown", "nothing")
    assert [(m.text, m.interrupted) for m in record.messages] == [("One two", True)]


def test_it_goes_on_from_a_history_and_leaves_function_calls_out() -> None:
    record = SessionRecord()
    record.response("old", "Forgotten.")
    call = ToolCall("call_1", "weather")
    record.begin(
        (
            Message(Role.USER, "Weather?"),
            Message(Role.ASSISTANT, "", tool_calls=(call,)),
            Message(Role.TOOL, "rain", tool_call_id="call_1"),
            Message(Role.ASSISTANT, "It rains."),
        )
    )
    record.user_said("Thanks.")
    assert told(record) == [("user", "Weather?"), ("assistant", "It rains."), ("user", "Thanks.")]
    assert not any(message.tool_calls for message in record.messages)


def test_it_is_bounded_and_forgets_the_oldest() -> None:
    record = SessionRecord()
    for number in range(LIMIT + 10):
        record.user_said(str(number))
    assert [message.text for message in record.messages] == [str(number) for number in range(10, LIMIT + 10)]
