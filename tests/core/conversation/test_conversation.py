"""The history: in order, however late its words come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.conversation import Conversation, Message, Role, ToolCall


def told(conversation: Conversation) -> list[tuple[Role, str]]:
    return [(message.role, message.text) for message in conversation]


class TestHistory:
    def test_who_said_what(self) -> None:
        conversation = Conversation()
        conversation.user_said("hello", "ann")
        conversation.add(Message(Role.ASSISTANT, "good morning", reply=1))
        assert conversation.messages == (
            Message(Role.USER, "hello", participant="ann"),
            Message(Role.ASSISTANT, "good morning", reply=1),
        )
        assert len(conversation) == 2

    def test_it_goes_on_from_another_one(self) -> None:
        before = (Message(Role.USER, "hello", participant="ann"), Message(Role.ASSISTANT, "good morning", reply=1))
        conversation = Conversation(before)
        conversation.add(Message(Role.ASSISTANT, "again", reply=1))
        assert conversation.messages == (*before, Message(Role.ASSISTANT, "again", reply=1))

    def test_a_snapshot_stays_as_it_is(self) -> None:
        conversation = Conversation()
        conversation.user_said("hello")
        before, iterator = conversation.messages, iter(conversation)
        conversation.user_said("again")
        assert len(before) == len(list(iterator)) == 1

    def test_it_is_bounded_and_forgets_the_oldest(self) -> None:
        conversation = Conversation(limit=3)
        first = conversation.place()
        for number in range(4):
            conversation.user_said(str(number))
        conversation.user_said("too old", place=first)
        assert [message.text for message in conversation] == ["1", "2", "3"]


class TestPlaces:
    def test_words_stand_at_the_place_that_they_had_before(self) -> None:
        conversation = Conversation()
        place = conversation.place()
        conversation.add(Message(Role.ASSISTANT, "It is noon."))
        assert told(conversation) == [(Role.ASSISTANT, "It is noon.")]
        conversation.user_said("What is the time?", "ann", place)
        assert told(conversation) == [(Role.USER, "What is the time?"), (Role.ASSISTANT, "It is noon.")]

    def test_a_message_grows_and_is_corrected_in_its_place(self) -> None:
        conversation = Conversation()
        place = conversation.add(Message(Role.ASSISTANT, "good", unheard="morning to you"))
        conversation.user_said("hm", "ann")
        conversation.put(place, Message(Role.ASSISTANT, "good morning", unheard="to you", interrupted=True))
        first, second = conversation
        assert (first.text, first.unheard, first.interrupted) == ("good morning", "to you", True)
        assert second.text == "hm"

    def test_a_message_may_be_withdrawn_and_keeps_its_place(self) -> None:
        conversation = Conversation()
        place = conversation.add(Message(Role.ASSISTANT, "good"))
        conversation.user_said("hm")
        conversation.put(place, None)
        assert told(conversation) == [(Role.USER, "hm")]
        conversation.put(place, Message(Role.ASSISTANT, "bad"))
        assert told(conversation) == [(Role.ASSISTANT, "bad"), (Role.USER, "hm")]

    def test_a_place_may_be_right_behind_another(self) -> None:
        conversation = Conversation()
        first = conversation.place()
        conversation.user_said("third")
        conversation.user_said("second", place=conversation.place(after=first))
        conversation.user_said("first", place=first)
        assert [message.text for message in conversation] == ["first", "second", "third"]

    def test_messages_that_are_alike_are_kept_apart(self) -> None:
        conversation = Conversation()
        # Some providers use the ids of their calls again.
        first, _ = (conversation.add(Message(Role.TOOL, "running", tool_call_id="1")) for _ in range(2))
        conversation.put(first, Message(Role.TOOL, "rain", tool_call_id="1"))
        assert told(conversation) == [(Role.TOOL, "rain"), (Role.TOOL, "running")]

    def test_the_function_calls_of_a_reply_are_not_its_words(self) -> None:
        conversation = Conversation()
        call = Message(Role.ASSISTANT, "", tool_calls=(ToolCall("1", "look"),), reply=1)
        conversation.add(call)
        conversation.add(Message(Role.TOOL, "", tool_call_id="1", reply=1))
        place = conversation.add(Message(Role.ASSISTANT, "it rains", reply=1))
        conversation.put(place, Message(Role.ASSISTANT, "it rains again", reply=1))
        assert conversation.messages[0] is call
        assert told(conversation) == [(Role.ASSISTANT, ""), (Role.TOOL, ""), (Role.ASSISTANT, "it rains again")]

    @given(st.permutations(range(8)), st.sets(st.integers(0, 7)), st.lists(st.integers(0, 7)))
    def test_the_order_is_that_of_the_places_in_whatever_order_words_come(
        self, arrival: list[int], never: set[int], corrected: list[int]
    ) -> None:
        conversation = Conversation()
        places = [conversation.place() for _ in range(8)]
        for turn in arrival:
            if turn not in never:
                conversation.user_said(f"guess at {turn}", place=places[turn])
        said = [turn for turn in range(8) if turn not in never]
        for turn in corrected:
            if turn in said:
                conversation.user_said(f"turn {turn}", place=places[turn])
        wanted = [f"turn {turn}" if turn in corrected else f"guess at {turn}" for turn in said]
        assert [message.text for message in conversation] == wanted

    def test_a_piece_right_behind_another_one_is_no_newer_than_that(self) -> None:
        conversation = Conversation()
        first = conversation.place()
        reply = conversation.add(Message(Role.ASSISTANT, "it rains"))
        second = conversation.place(after=first)
        third = conversation.place(after=second)
        conversation.user_said("and snows", place=third)
        assert [conversation.since(place) for place in (first, second, third, reply)] == [first, first, first, reply]
        assert conversation.asked_after(0)
        assert not conversation.asked_after(first)
