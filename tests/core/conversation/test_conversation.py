"""The history: in order, and of the agent only what was heard."""

from __future__ import annotations

from vision_agents.core.conversation import Conversation, Message, Role, ToolCall


def told(conversation: Conversation) -> list[tuple[Role, str]]:
    return [(message.role, message.text) for message in conversation]


class TestHistory:
    def test_who_said_what(self) -> None:
        conversation = Conversation()
        conversation.user_said("hello", "ann")
        conversation.assistant_heard(1, "good morning")
        assert conversation.messages == (
            Message(Role.USER, "hello", participant="ann"),
            Message(Role.ASSISTANT, "good morning", reply=1),
        )
        assert len(conversation) == 2

    def test_a_reply_grows_in_its_place(self) -> None:
        conversation = Conversation()
        conversation.assistant_heard(1, "good", "morning to you")
        conversation.user_said("hm", "ann")
        conversation.assistant_heard(1, "good morning", "to you", interrupted=True)
        first, second = conversation
        assert (first.text, first.unheard, first.interrupted) == ("good morning", "to you", True)
        assert second.text == "hm"

    def test_a_reply_takes_its_place_when_its_first_word_is_heard(self) -> None:
        conversation = Conversation()
        conversation.assistant_heard(1, "", "good morning")
        conversation.user_said("wait", "ann")
        conversation.assistant_heard(1, "good", "morning")
        assert told(conversation) == [(Role.USER, "wait"), (Role.ASSISTANT, "good")]

    def test_a_reply_of_which_nothing_was_heard_leaves_nothing(self) -> None:
        conversation = Conversation()
        conversation.assistant_heard(1, "", "good morning", interrupted=True)
        assert len(conversation) == 0
        conversation.assistant_heard(2, "good")
        conversation.assistant_heard(2, "")
        assert len(conversation) == 0

    def test_two_replies_are_kept_apart(self) -> None:
        conversation = Conversation()
        conversation.assistant_heard(1, "one")
        conversation.assistant_heard(2, "two")
        conversation.assistant_heard(1, "one and a half")
        assert told(conversation) == [(Role.ASSISTANT, "one and a half"), (Role.ASSISTANT, "two")]

    def test_the_function_calls_of_a_reply_are_not_its_words(self) -> None:
        conversation = Conversation()
        call = Message(Role.ASSISTANT, "", tool_calls=(ToolCall("1", "look"),), reply=1)
        conversation.add(call)
        conversation.add(Message(Role.TOOL, "rain", tool_call_id="1", reply=1))
        conversation.assistant_heard(1, "it rains")
        conversation.assistant_heard(1, "it rains again")
        assert conversation.messages[0] is call
        assert told(conversation) == [(Role.ASSISTANT, ""), (Role.TOOL, "rain"), (Role.ASSISTANT, "it rains again")]

    def test_a_message_is_replaced_in_its_place_and_only_itself(self) -> None:
        conversation = Conversation()
        first, second = (Message(Role.TOOL, "running", tool_call_id="1") for _ in range(2))
        conversation.add(first)
        conversation.add(second)
        conversation.user_said("hm")
        conversation.replace(first, Message(Role.TOOL, "rain", tool_call_id="1"))
        assert told(conversation) == [(Role.TOOL, "rain"), (Role.TOOL, "running"), (Role.USER, "hm")]
        conversation.replace(first, Message(Role.TOOL, "snow", tool_call_id="1"))
        assert told(conversation)[0] == (Role.TOOL, "rain")

    def test_a_snapshot_stays_as_it_is(self) -> None:
        conversation = Conversation()
        conversation.user_said("hello")
        before, iterator = conversation.messages, iter(conversation)
        conversation.user_said("again")
        assert len(before) == len(list(iterator)) == 1
