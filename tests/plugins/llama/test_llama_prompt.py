import json

from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm import LLMRequest, Tools
from vision_agents.plugins.llama.prompt import functions, history, prefix, shown_from

texts = st.text(max_size=20)
spoken = st.builds(Message, st.sampled_from([Role.USER, Role.ASSISTANT]), texts, interrupted=st.booleans())


@given(st.lists(spoken, max_size=20))
def test_user_and_assistant_speak_in_turn_and_the_user_first(messages: list[Message]) -> None:
    roles = [entry["role"] for entry in history(messages)]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)


@given(st.lists(spoken, max_size=20))
def test_no_word_is_lost_and_all_of_it_can_be_encoded(messages: list[Message]) -> None:
    whole = " ".join(entry["content"] for entry in history(messages))
    whole.encode()
    for message in messages:
        assert message.text.strip().encode("utf-8", "replace").decode() in whole


def test_a_text_that_was_cut_off_shows_it() -> None:
    asked = Message(Role.USER, "Why?")
    cut = Message(Role.ASSISTANT, "Because the sky ", interrupted=True, unheard="is blue.")
    assert history([asked, cut])[1]["content"] == "Because the sky…"


def test_what_one_person_said_in_two_messages_is_one_turn() -> None:
    said = [Message(Role.USER, "Wait."), Message(Role.USER, " "), Message(Role.USER, "What about cats?")]
    assert history(said) == [{"role": "user", "content": "Wait. What about cats?"}]


def test_function_calls_and_their_results_stay_apart() -> None:
    calls = (ToolCall("1", "clock", {"zone": "UTC"}), ToolCall("2", "clock", {"zone": "CET"}))
    entries = history(
        [
            Message(Role.USER, "What time is it?"),
            Message(Role.ASSISTANT, "", tool_calls=calls),
            Message(Role.TOOL, "noon", tool_call_id="1"),
            Message(Role.TOOL, "one", tool_call_id="2"),
            Message(Role.ASSISTANT, "It is noon."),
        ]
    )
    assert [entry["role"] for entry in entries] == ["user", "assistant", "tool", "tool", "assistant"]
    first, second = entries[1]["tool_calls"]
    assert (first["id"], first["function"]["name"]) == ("1", "clock")
    assert json.loads(second["function"]["arguments"]) == {"zone": "CET"}
    assert [entry["tool_call_id"] for entry in entries[2:4]] == ["1", "2"]


def test_the_prefix_is_the_instructions_and_the_examples() -> None:
    assert prefix("Be brief.", [("Hi!", "Hello!")]) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi!"},
        {"role": "assistant", "content": "Hello!"},
    ]
    assert prefix("", []) == []


def test_functions_are_described_by_their_schema() -> None:
    tools = Tools()

    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    tools.register(weather)
    (described,) = functions(LLMRequest("", (), tuple(tools)))
    assert described["type"] == "function"
    assert described["function"]["name"] == "weather"
    assert described["function"]["description"] == "The weather in a city."
    assert described["function"]["parameters"]["required"] == ["city"]


def test_the_part_that_is_shown_moves_by_several_exchanges_at_once() -> None:
    talk = [Message(Role.ASSISTANT if n % 2 else Role.USER, str(n)) for n in range(22)]
    earlier = [turn - shown_from(talk[: 2 * turn + 1], 3) // 2 for turn in range(10)]
    assert earlier == [0, 1, 2, 1, 2, 3, 1, 2, 3, 1]
    assert [turn - shown_from(talk[: 2 * turn + 1], 0) // 2 for turn in range(10)] == [0] * 10


def test_what_is_shown_begins_with_all_that_the_user_said_in_a_row() -> None:
    talk = [
        Message(Role.USER, "Hello."),
        Message(Role.ASSISTANT, "Hi."),
        Message(Role.USER, "A map,"),
        Message(Role.USER, "please."),
    ]
    assert shown_from(talk, 0) == 2
    assert shown_from([], 3) == 0


def test_alone_the_last_turn_has_no_greeting_before_it() -> None:
    assert shown_from([Message(Role.ASSISTANT, "Hello!"), Message(Role.USER, "Hi.")], 0) == 1
