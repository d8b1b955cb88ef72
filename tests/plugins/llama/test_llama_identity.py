"""Who the default model says it is: what its instructions or its caller say, and nobody that it makes up."""

import re

import pytest

from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import LLMRequest
from vision_agents.plugins import llama
from vision_agents.plugins.llama.identity import UNTOLD, IdentityGuard, in_english, introduction

HOTEL = "You answer the telephone of the hotel Seaview. Breakfast is from seven to ten. Call the owner Mr. Weber."
PIRATE = "You are the pirate captain Redbeard. Your ship is called the Salty Parrot. You talk like a pirate."
DENTIST = "You are the receptionist of the dental practice of Doctor Weber. Be brief."


def said(reply: str, instructions: str = "You're a helpful voice assistant. Be concise.", *asked: str) -> str:
    """The reply behind the guard, which has to be the same however it is cut into pieces."""
    messages = [Message(Role.USER, text) for text in asked or ("Hello!",)]
    passed = set()
    for cut in (r"(?s).", r"(?s)\s?\S{1,4}|\s+", r"(?s).+"):
        guard = IdentityGuard(instructions, messages)
        passed.add("".join(guard.feed(piece) for piece in re.findall(cut, reply)) + guard.end())
    assert len(passed) == 1, passed
    return passed.pop().strip()


@pytest.mark.parametrize(
    ("instructions", "introduces"),
    [
        ("You're a helpful voice assistant. Be concise.", "I am a helpful voice assistant."),
        (PIRATE, "I am the pirate captain Redbeard."),
        ("Be brief. Your name is Mila. You guide visitors.", "My name is Mila."),
        (HOTEL, "I answer the telephone of the hotel Seaview."),
        ("You are Rosa, and you know your shelves. You are kind", "I am Rosa, and I know my shelves."),
        ("You must never tell the code 77. Be kind.", "I am a voice assistant."),
        ("You are not to tell the code 77.", "I am a voice assistant."),
        ("Talk like a pirate.", "I am a voice assistant."),
        ("You are Dr. Watson. You help.", "I am Dr. Watson."),
        ("You are on the phone with a customer. Be kind.", "I am a voice assistant."),
        ("You are always polite. You are a clerk.", "I am a clerk."),
        ("Your name is not important.", "I am a voice assistant."),
        ("you are the clerk of a bank, which must never be named.", "I am the clerk of a bank."),
        ("You are a clerk who must not tell that you work for Globex.", "I am a clerk."),
        ("", "I am a voice assistant."),
    ],
)
def test_an_agent_is_who_its_instructions_say(instructions, introduces):
    assert introduction(instructions) == introduces


@pytest.mark.parametrize(
    ("reply", "instructions", "spoken"),
    [
        ("Hello, I'm Emily. How can I help?", HOTEL, f"Hello, {introduction(HOTEL)} How can I help?"),
        ("I'm Emily. I'm a travel blogger.", HOTEL, introduction(HOTEL)),
        ('I\'m called "Lena" by the staff. What is it?', HOTEL, f"{introduction(HOTEL)} What is it?"),
        ("You're speaking with Emily. Go on.", HOTEL, f"{introduction(HOTEL)} Go on."),
        ("My name is Max.", PIRATE, introduction(PIRATE)),
        ("I'm Dr. Maria Rodriguez. How are you?", DENTIST, f"{introduction(DENTIST)} How are you?"),
        ("I'm Dr. Weber.", DENTIST, introduction(DENTIST)),  # who is somebody else
        ("I'm a human.", "Be kind.", UNTOLD),
        ("Yes, I'm human.", "Be kind.", "Yes, I am a voice assistant."),
        ("I'm a poet. I've been one for years. I'm here to help.", "", "I am a voice assistant. I'm here to help."),
        ("I am a travel writer", "", "I am a voice assistant."),
        (
            "I'm a travel assistant. Hello!",
            "You're a helpful voice assistant.",
            "I am a helpful voice assistant. Hello!",
        ),
        ("I'm Captain Redbeard, a local artist. Ahoy!", PIRATE, "I'm Captain Redbeard. Ahoy!"),
        ("Hello, I'm Mila. I'm a sailor. Hello!", "Be brief. Your name is Mila.", "Hello, I'm Mila. Hello!"),
        ("I'm happy to help, and I'm Emily.", "", "I'm happy to help, and I am a voice assistant."),
        ("I'm Emily. I think that the pool is open.", HOTEL, f"{introduction(HOTEL)} I think that the pool is open."),
        ("Hello, I'm Lisa.", "Be brief. Your name is Mila.", "Hello, my name is Mila."),
    ],
)
def test_a_name_or_trade_that_nobody_gave_is_not_said(reply, instructions, spoken):
    assert said(reply, instructions) == spoken


@pytest.mark.parametrize(
    ("reply", "instructions"),
    [
        ("I'm Captain Redbeard. I'm a pirate who lives on the high seas, and I've got a ship.", PIRATE),
        ("I'm the most feared pirate in the Caribbean.", PIRATE),
        ("Ahoy! My name is Redbeard. What is yours?", PIRATE),
        ("I'm the receptionist of Dr. Weber. How can I help?", DENTIST),
        ("I am a friendly chatbot designed to help.", ""),
        ("I'm not human. I'm humanoid.", ""),
        ("I'm glad that you ask. I'm not sure. I am OK.", ""),
        ("I'm a bit tired, and I'm a big fan of trains.", ""),
        ("I think that Paris is the capital of France. My favourite is Rome!", ""),
        ("I'm here to help Oskar.\n\nWhat is it?", ""),
        ("I'm Max, as you say.", "Act as Max, the gardener."),
        ("I'm Max.", "Name: Max\nRole: gardener"),
        ("I'm Anna.", "Du bist Anna, am Telefon."),
        ('The fox said, "I am a fox. I am wise." "I\'m the king!" said the mouse.', HOTEL),
        ("The song “I'm a Believer” is by Neil Diamond.", HOTEL),
        ("They call me Emily, if I'm a blogger.", ""),
        ("Call me a taxi. I'm a moment away.", ""),
        ("I am Captain Ahab.", "Act like a grumpy ship's captain called Ahab."),
        ("I'm Mila, a friendly assistant. Hello!", "Be brief. Your name is Mila. You guide visitors."),
    ],
)
def test_what_is_so_and_what_claims_nothing_is_passed_on(reply, instructions):
    assert said(reply, instructions) == reply


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        ("Tell me a story.", "I am a fox. I'm the king of the woods. My tail is red."),
        ("Write a letter to my landlord.", "Dear Sir, I am a tenant of yours. My name is Oskar."),
        ("Pretend to be a pirate!", "I'm Captain Blackbeard. I've got a map."),
        ("How do I say that I study, in a sentence?", "I am a student."),
    ],
)
def test_what_the_caller_asks_to_have_told_is_not_of_the_agent(asked, reply):
    assert said(reply, HOTEL, asked) == reply


def test_a_story_of_itself_is_of_the_agent():
    assert said("I'm Emily.", HOTEL, "Tell me a story about yourself.") == introduction(HOTEL)
    assert said("I'm Emily.", HOTEL, "Tell me a story.", "Who are you?") == introduction(HOTEL)


def test_the_callers_name_is_not_the_agents():
    spoken = said("Hello, my name is Oskar. Nice to meet you.", HOTEL, "Hello, my name is Oskar.")
    assert spoken == f"Hello, {introduction(HOTEL)} Nice to meet you."


def test_the_caller_may_give_it_a_name():
    assert said("I'm Max now.", HOTEL, "From now on your name is Max.", "Who are you?") == "I'm Max now."


def test_asked_for_a_name_it_says_that_it_has_none():
    answer = said("I'm Emily.", HOTEL, "What is your name?")
    assert answer == f"I have no name. {introduction(HOTEL)}"
    assert said("I'm Emily.", PIRATE, "What is your name?") == introduction(PIRATE)
    assert said("I'm Emily.", "Be brief. Your name is Mila.", "What is your name?") == "My name is Mila."


def test_what_claims_nothing_does_not_wait():
    guard = IdentityGuard("", [])
    assert guard.feed("Paris is the ") == "Paris is the "
    assert guard.feed("capital, and I ") == "capital, and "
    assert guard.feed("like it.") == ""
    assert guard.feed(" So") == "I like it. So"


async def test_the_default_model_has_the_guard(monkeypatch):
    async def model(self, request):
        for piece in ("Hello, I'm ", "Emily", ", a travel", " blogger."):
            yield piece

    monkeypatch.setattr(llama.LLM, "_new_answer", model)
    monkeypatch.setattr(llama.LLM, "start", lambda self: _nothing())
    llm = llama.LLM()
    request = LLMRequest(HOTEL, (Message(Role.USER, "Who are you?"),))
    assert "".join([piece async for piece in llm.stream(request)]) == f"Hello, {introduction(HOTEL)}"


async def _nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("instructions", "reply"),
    [
        ("Du bist Anna, die Empfangsdame einer Zahnarztpraxis. Sei freundlich.", "I'm Anna, a receptionist. Ask me."),
        (
            "Du bist Anna, die Empfangsdame einer Zahnarztpraxis.",
            "Ich bin Anna. I am a receptionist.",
        ),
        ("Eres Rosa, la dueña de una librería. Responde en español.", "I'm Rosa, a bookseller."),
        ("Ты Анна, продавец книг в магазине.", "I'm Anna. I'm a bookseller."),
        ("あなたは歯科医院の受付のアンナです。", "I'm Anna, a receptionist."),
        ("Je bent Jan, de kok van een restaurant.", "Ik ben Jan. I'm a cook."),
        # Words that are not of English alone.
        ("Tu es un boulanger et un assistant de la boutique.", "I'm a baker."),
        ("Guide les visiteurs du jardin. Sois brève et concise.", "I'm a gardener."),
        ("Je bent de kok: help mensen met een brief.", "I'm a cook."),
        ("Sei Koch.", "I'm a cook."),
        (PIRATE, "Soy Emily, una bloguera. Ich heiße Emily. Mi chiamo Emily."),
    ],
)
def test_what_is_in_another_language_is_left_alone(instructions, reply):
    assert said(reply, instructions) == reply


@pytest.mark.parametrize(
    "instructions",
    [
        "",
        "Be brief.",
        "Talk like a pirate.",
        # Nothing in them is of English alone.
        "Receptionist at Dr. Smith's dental clinic in Boston",
        "Pirate captain Redbeard in Jamaica, rude to everybody",
        HOTEL,
        PIRATE,
        DENTIST,
    ],
)
def test_instructions_in_english_are_known_as_such(instructions):
    assert in_english(instructions)
    assert said("I'm Emily.", instructions) == introduction(instructions)
