import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.conversation import Message, Role
from vision_agents.plugins.llama import recall as recalling
from vision_agents.plugins.llama.recall import MOST, Reminders, recall

SHOP = "You are Sam, who sells lamps. A desk lamp costs twenty euros and a torch costs six. We close at noon. Be kind."


def user(*texts: str) -> list[Message]:
    return [Message(Role.USER, text) for text in texts]


def test_the_sentence_of_the_instructions_that_a_question_is_about() -> None:
    assert recall(SHOP, user("When do you close?")) == ["We close at noon."]
    assert recall(SHOP, user("What does a torch cost?")) == ["A desk lamp costs twenty euros and a torch costs six."]


def test_a_question_about_nothing_that_was_said() -> None:
    assert recall(SHOP, user("What is the capital of France?")) == []
    assert recall("", user("Hello!")) == []


@pytest.mark.parametrize(
    "text",
    ["Who are you?", "Hello, what's your name?", "Good morning, who am I speaking to?", "Please introduce yourself."],
)
def test_who_asks_whom_they_talk_with_is_told_by_the_instructions(text: str) -> None:
    assert recall(SHOP, user(text)) == ["You are Sam, who sells lamps."]
    assert recall("Be kind. Your name is Sam.", user(text)) == ["Your name is Sam."]
    assert recall("Be kind.", user(text)) == []


@pytest.mark.parametrize(
    "text", ["Who sells lamps?", "How are you?", "Who am I?", "What is my name?", "Who is your boss?"]
)
def test_what_only_resembles_that_question(text: str) -> None:
    assert recall("You are happy. You like tea.", user(text)) == []


def test_words_match_in_their_forms() -> None:
    assert recall("The shop opens early.", user("When is it opened?")) == ["The shop opens early."]


def test_what_the_user_has_told() -> None:
    said = user("My cat's name is Mimi.", "I like tea.", "What is the name of my cat?")
    assert recall("Be brief.", said) == ["First you told me: My cat's name is Mimi."]


def test_what_was_asked_first_and_last() -> None:
    said = user("How old is the moon?", "Is it cold?", "Who was there?")
    assert recall("", [*said, *user("What did I ask you first?")])[0] == "First you asked me: How old is the moon?"
    assert recall("", [*said, *user("What did I ask before this?")]) == ["Before this you asked me: Who was there?"]


def test_you_is_who_asks_and_nobody_else() -> None:
    ann, bob, typed = (
        Message(Role.USER, f"My cat's name is {name}.", participant=who)
        for name, who in (("Mimi", "ann"), ("Tom", "bob"), ("Kit", None))
    )
    aside = Message(Role.USER, "The name of the cat is Rex.", participant="ann", overheard=True)
    asked = Message(Role.USER, "What is the name of my cat?", participant="ann")
    assert recall("", [ann, bob, aside, asked]) == ["First you told me: My cat's name is Mimi."]
    assert recall("", [bob, aside, asked]) == []
    assert recall("", [typed, asked]) == ["First you told me: My cat's name is Kit."]


def test_what_earlier_messages_began_with_stays() -> None:
    said = [*user("My cat's name is Mimi."), Message(Role.ASSISTANT, "Nice."), *user("What is my cat's name?")]
    reminded = "First you told me: My cat's name is Mimi. What is my cat's name?"
    assert [message.text for message in Reminders().of("", said)] == ["My cat's name is Mimi.", "Nice.", reminded]
    later = [*said, Message(Role.ASSISTANT, "Mimi."), *user("Thanks.")]
    assert [message.text for message in Reminders().of("", later, 2)] == [reminded, "Mimi.", "Thanks."]


def test_what_was_recalled_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    search = recalling.recall
    monkeypatch.setattr(recalling, "recall", lambda text, said: looked.append(len(said)) or search(text, said))
    reminders, said = Reminders(), list[Message]()
    for number in range(50):
        said = [*said, *user(f"Cat {number} is called Mimi."), Message(Role.ASSISTANT, "Nice.")]
        reminders.of(SHOP, said)
    assert looked == list(range(1, 101))


MESSAGES = st.builds(
    Message, st.sampled_from([Role.USER, Role.ASSISTANT]), st.sampled_from(["My cat is Mimi.", "A cat?", "Is it noon?"])
)


@given(st.lists(st.tuples(st.sampled_from(["", SHOP]), st.lists(MESSAGES, max_size=5), st.integers(0, 4)), max_size=6))
def test_what_was_recalled_before_changes_nothing(requests: list[tuple[str, list[Message], int]]) -> None:
    reminders = Reminders()
    for instructions, messages, first in requests:
        assert reminders.of(instructions, messages, first) == Reminders().of(instructions, messages, first)


def test_of_a_conversation_that_is_over_nothing_is_kept() -> None:
    reminders = Reminders()
    reminders.of(SHOP, user("My cat is Mimi."))
    reminders.forget()
    assert "Mimi" not in repr(vars(reminders))


def test_only_a_question_of_the_user_recalls() -> None:
    assert recall(SHOP, []) == []
    assert recall(SHOP, [Message(Role.TOOL, "close", tool_call_id="1")]) == []


@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=6))
def test_few_sentences_and_each_once(instructions: str, texts: list[str]) -> None:
    found = recall(instructions, user(*texts))
    assert len(found) <= MOST
    assert len(set(found)) == len(found)
