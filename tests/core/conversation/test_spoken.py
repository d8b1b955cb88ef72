"""What a model is told of a message."""

from vision_agents.core.conversation import Message, Role, spoken_text
from vision_agents.core.conversation.spoken import CUT, OVERHEARD, spoken_messages


def test_the_model_reads_what_was_heard_and_where_it_was_cut_off() -> None:
    assert spoken_text(Message(Role.ASSISTANT, "One two", interrupted=True, unheard="three")) == f"One two{CUT}"
    assert spoken_text(Message(Role.ASSISTANT, "", interrupted=True)) == CUT


def test_other_messages_are_read_as_they_are() -> None:
    assert spoken_text(Message(Role.ASSISTANT, "One two")) == "One two"
    assert spoken_text(Message(Role.ASSISTANT, "One two", unheard="three")) == "One two"
    assert spoken_text(Message(Role.USER, "Stop", interrupted=True)) == "Stop"


def test_what_was_overheard_is_marked() -> None:
    overheard = Message(Role.USER, "Did you buy milk?", overheard=True)
    assert spoken_text(overheard) == OVERHEARD.format("Did you buy milk?")
    assert spoken_messages([overheard])[0].text == OVERHEARD.format("Did you buy milk?")
