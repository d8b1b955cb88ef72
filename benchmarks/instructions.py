"""Whether the local language model does what its instructions say: twenty questions with facts that are expected.

Seven dialogues, with the model's own answers in their histories: who it is by its instructions, prices and times that
stand there, arithmetic and knowledge, what was asked and told before, short answers, what it is not to invent. An
answer is right if it has what it must have and nothing that it must not, is no list, repeats no sentence, and has 60
words or less.

The half that is marked "seen" was looked at while the prompt's form was chosen, the other half was not: it is counted
apart. Greedy answers still differ by one or two from run to run, since batches of another size round otherwise.

    python -m benchmarks.instructions [--model FILE.gguf] [--variant NAME …] [--answers] [--introductions | --nameless]
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import LLMRequest
from vision_agents.plugins import llama

WORDS = 60
_LIST = re.compile(r"^\s*([-*•#]|\d+[.)])", re.MULTILINE)
_ASSISTANT = r"language model|\bAI\b|voice assistant|virtual assistant|runs on your own computer"


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller says. Patterns of which each `must`, and none of `never`, be in the answer; without a `must` it is
    only said, and not counted."""

    text: str
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    words: int = WORDS

    def wrong(self, answer: str) -> str:
        """What is wrong with the answer; empty if nothing is."""
        lacking = [pattern for pattern in self.must if not re.search(pattern, answer, re.IGNORECASE)]
        has = [found[0] for pattern in self.never if (found := re.search(pattern, answer, re.IGNORECASE))]
        sentences = [sentence.strip() for sentence in re.split(r"[.!?\n]+\s", answer) if len(sentence.split()) > 3]
        faults = [
            *(f"lacks {pattern}" for pattern in lacking),
            *(f"has {text!r}" for text in has),
            f"{len(answer.split())} words" if len(answer.split()) > self.words else "",
            "a list" if _LIST.search(answer) else "",
            "repeats itself" if len(set(sentences)) < len(sentences) else "",
        ]
        return ", ".join(filter(None, faults))


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A call: its instructions, and what the caller says one after the other."""

    name: str
    seen: bool
    instructions: str
    questions: tuple[Question, ...]


DIALOGUES = (
    Dialogue(
        "pizzeria",
        True,
        "You are Sofia, who answers the telephone of the pizzeria Bella Napoli. A margherita costs nine euros and a "
        "funghi costs eleven euros. We close at ten in the evening. We do not deliver: pizzas are collected at the "
        "shop. Answer in one or two short sentences.",
        (
            Question("Hello, who am I talking to?", ("Sofia|Bella Napoli",), (_ASSISTANT,)),
            Question("How much is a margherita?", (r"\bnine\b|\b9\b",), ("eleven|11",)),
            Question("When do you close?", (r"\bten\b|\b10\b",)),
            Question("Can you bring the pizza to my house?", (r"\bno\b|\bnot\b|n't|collect|pick",)),
        ),
    ),
    Dialogue(
        "plain",
        True,
        "You are a helpful voice assistant. Answer in one or two short sentences.",
        (
            Question("What is two plus three?", (r"\bfive\b|\b5\b",)),
            Question("What is the capital of France?", ("Paris",)),
            Question("How many days does a week have?", (r"\bseven\b|\b7\b",)),
            Question("What did I ask you first?", (r"two plus three|2 ?(\+|plus) ?3",)),
        ),
    ),
    Dialogue(
        "pirate",
        True,
        "You are the pirate captain Redbeard. Your ship is called the Salty Parrot. You talk like a pirate.",
        (
            Question("Who are you?", ("Redbeard",), (_ASSISTANT,)),
            Question("What is your ship called?", ("Salty Parrot",)),
        ),
    ),
    Dialogue(
        "dentist",
        False,
        "You are the receptionist of the dental practice of Doctor Weber. The practice opens at eight in the morning. "
        "Doctor Weber is on holiday, and Doctor Klein stands in for her. A cleaning costs eighty euros. Be brief.",
        (
            Question("Good morning, which practice is this?", ("Weber|dental|dentist",), (_ASSISTANT,)),
            Question("When do you open?", (r"\beight\b|\b8\b",)),
            Question("Who stands in for Doctor Weber?", ("Klein",)),
            Question("What does a cleaning cost?", ("eighty|80",)),
        ),
    ),
    Dialogue(
        "memory",
        False,
        "You are a friendly voice assistant. Answer in one or two short sentences.",
        (
            Question("Hi! My name is Oskar."),
            Question("I have a parrot, and it is green."),
            Question("Tomorrow I want to travel to Lisbon."),
            Question("What is my name?", ("Oskar|Oscar",)),
            Question("Which animal do I have?", ("parrot",)),
            Question("Where do I want to travel?", ("Lisbon",)),
        ),
    ),
    Dialogue(
        "refusal",
        False,
        "You answer the telephone of the hotel Seaview. Breakfast is from seven to ten. The pool is on the roof. If "
        "you are asked anything else, say: I do not know that, please ask at the reception.",
        (
            Question("Where is the pool?", ("roof",)),
            Question("What is the password of the wireless network?", (r"not know|n't know|reception|not sure",)),
        ),
    ),
    Dialogue(
        "short",
        False,
        "Answer with one word only.",
        (Question("What colour is the sky on a sunny day?", ("blue",), (), 5),),
    ),
)

_WHO = ("Hello, who are you?", "What is your name?", "Who am I speaking to?", "Can you introduce yourself?")

INTRODUCTIONS = tuple(
    Dialogue(name, True, instructions, (Question(question, (pattern,)),))
    for name, pattern, instructions in (
        ("pharmacy", "Rosa|Old Bridge", "You are Rosa, at the counter of the pharmacy Old Bridge. We open at eight."),
        ("bicycles", "Ada|bicycle", "You are Ada, at the desk of a bicycle shop. Answer in one or two sentences."),
        ("lamps", "Lamp", "You answer the telephone of the shop Lamp and Light. On Sundays we are closed. Be brief."),
        ("baker", "Bob", "You are Bob the baker. Bread costs two euros."),
        ("museum", "Mila|Harbour", "Be brief. Your name is Mila. You guide visitors through the Harbour Museum."),
        ("taxis", "Tom|taxi", "Your name is Tom. You take orders for taxis in Lindau. Ask where people want to go."),
        ("library", "library", "You are the voice of the public library. Books may be kept for four weeks."),
    )
    for question in _WHO
)

# What is made up by an agent whose instructions give it no name: one, or a trade, or that it is human.
_CLAIMS = (
    r"\b(?:I'm|I am|me|with|to|name is)(?: called| named)? (?-i:[\"'“]?(?!I\b|OK\b)[A-Z])",
    r"\b(?:I'm|I am) (?:a|an|the|your) (?:[\w-]+ )*?"
    r"(?:human|person|man|woman|blogger|writer|author|writing|editor|guide|tourist|historian|expert|wizard|detective|"
    r"director|librarian|hygienist|dentist|scientist|researcher|photographer|artist|teacher|student)",
    r"\b(?:I'm|I am) human\b",
)
_ASKED_ITSELF = (
    *_WHO,
    "What should I call you?",
    "Hello, my name is Oskar.",
    "Tell me about yourself.",
    "Are you human?",
)

NAMELESS = tuple(
    Dialogue(name, True, instructions, tuple(Question(question, (".",), _CLAIMS) for question in _ASKED_ITSELF))
    for name, instructions in (
        ("plain", "You're a helpful voice assistant. Be concise."),
        (
            "hotel",
            "You answer the telephone of the hotel Seaview. Breakfast is from seven to ten. The pool is on the roof.",
        ),
        ("reception", "You are the receptionist of a dental practice. Be brief."),
        ("trains", "You help people to plan their journeys by train."),
        ("homework", "Always be kind, and help with homework."),
        ("pizzas", "You are a bot that takes orders of pizzas. Ask for the address."),
        ("nothing", ""),
    )
)

# What stood before every conversation at first: the model's answers to it were about itself.
_IDENTITY = (
    ("Hi!", "Hello! What can I do for you today?"),
    (
        "Who are you?",
        "I'm a voice assistant that runs on your own computer. Ask me something, and interrupt me whenever you like.",
    ),
    (
        "How far away is the moon?",
        "The moon is about three hundred and eighty thousand kilometers away. "
        "Light needs a little more than one second to get here from there.",
    ),
    llama.SMOLLM2_EXAMPLES[0],
)

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "an identity in the examples": {"examples": _IDENTITY, "recall": False},
    "no examples": {"examples": (), "recall": False},
    "examples of style": {"recall": False},
    "and what is asked about": {},
}
"""By name: the options of `llama.LLM`. The last is what the default model has."""


@dataclass(slots=True)
class Score:
    """Right answers of a variant, seen and unseen ones apart, and how long answers took to begin."""

    right: Counter[bool] = field(default_factory=Counter)
    asked: Counter[bool] = field(default_factory=Counter)
    firsts: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        names = (("seen", True), ("unseen", False))
        parts = [f"{name} {self.right[seen]:2}/{self.asked[seen]}" for name, seen in names if self.asked[seen]]
        whole = f"{self.right.total():2}/{self.asked.total()}"
        return f"{whole} ({', '.join(parts)}), first piece after {median(self.firsts):.2f} s (median)"


async def hold(llm: llama.LLM, dialogue: Dialogue, score: Score) -> list[str]:
    """Ask the dialogue's questions, and count what is right. Returns a line for each."""
    history: list[Message] = []
    lines = []
    await llm.warm(dialogue.instructions)
    for question in dialogue.questions:
        history.append(Message(Role.USER, question.text))
        answer, began = "", time.perf_counter()
        async for piece in llm.stream(LLMRequest(dialogue.instructions, tuple(history))):
            if not answer:
                score.firsts.append(time.perf_counter() - began)
            answer += str(piece)
        history.append(Message(Role.ASSISTANT, answer.strip()))
        verdict = "told"
        if question.must:
            wrong = question.wrong(answer)
            verdict = f"wrong ({wrong})" if wrong else "right"
            score.asked[dialogue.seen] += 1
            score.right[dialogue.seen] += not wrong
        lines.append(f"  {dialogue.name}: {question.text} -> {answer.strip()!r} {verdict}")
    return lines


async def measure(name: str, dialogues: Sequence[Dialogue], model: Path | None, answers: bool) -> None:
    """All these dialogues with one variant."""
    score, lines = Score(), []
    for dialogue in dialogues:
        llm = llama.LLM(model, **VARIANTS[name])
        lines += await hold(llm, dialogue, score)
        await llm.close()
    print(f"{name:<28} {score}", flush=True)
    if answers:
        print("\n".join(lines), flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file; by default the default model")
    parser.add_argument("--variant", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--answers", action="store_true", help="print each answer")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--introductions", action="store_true", help="ask seven agents who they are instead")
    other.add_argument("--nameless", action="store_true", help="ask seven agents who have no name about themselves")
    args = parser.parse_args()
    dialogues = INTRODUCTIONS if args.introductions else NAMELESS if args.nameless else DIALOGUES
    for name in args.variant:
        await measure(name, dialogues, args.model, args.answers)


if __name__ == "__main__":
    asyncio.run(main())
