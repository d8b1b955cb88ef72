"""Whether the local language model still answers late in a conversation, and how soon.

Three callers ask thirty things each, the model's own answers stand in the history. Counted is which answers are an
earlier one once more: four fifths of their letters are the same, in the same order. Nobody judges here whether they
are right (`benchmarks.instructions` does).

    python -m benchmarks.long_conversations [--model FILE.gguf] [--answers]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from vision_agents.cli.default_agent import INSTRUCTIONS
from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import LLMRequest
from vision_agents.plugins import llama

ALIKE = 0.8

CALLERS = {
    "knowledge": """
How far away is the moon?
What is the capital of France?
Why is the sky blue?
Who wrote Romeo and Juliet?
Can you recommend a good book about the sea?
My dog is called Rex. Is that a good name?
What can I cook with tomatoes and cheese?
How many days are in a leap year?
I have two sisters and one brother. How many siblings do I have?
What is the largest ocean?
Tell me something about volcanoes.
How do I stay healthy?
Which language do they speak in Brazil?
What's a good present for my mother?
Where do penguins live?
What is my dog called?
How long should I boil pasta?
Who painted the Mona Lisa?
Can you tell me a joke?
What did I ask you first?
What time should I go to bed?
How do I learn to play the piano?
What does a doctor do?
I feel a bit sad today.
Why do cats purr?
What is ten plus five?
Which planet is the biggest?
What should I wear when it rains?
How do birds fly?
Thank you, goodbye.
""",
    "a journey": """
Hello there.
I'm planning a trip to Italy in May.
What should I pack?
Is it warm there?
What food should I try?
I don't eat meat.
Which city is best for museums?
How long does it take to fly there from London?
Do I need a visa?
Okay. Let's talk about something else.
My son is seven years old and loves dinosaurs.
Which dinosaur was the largest?
How old is my son?
Can you tell me a short story?
What's the weather like on Mars?
How do I make a paper plane?
What does photosynthesis mean?
Say that again, please.
I lost my keys. What should I do?
How many legs does a spider have?
Who was the first person on the moon?
What's a good way to relax?
Where am I going in May?
Can I drink coffee in the evening?
What is the opposite of hot?
How do I say thank you in Spanish?
Give me an idea for dinner.
What's two times twelve?
Why is the sea salty?
Goodbye!
""",
    "an evening": """
Hi, what can you do?
How does a car engine work?
What is the fastest animal on land?
My name is Julia and I work as a nurse.
I am so tired after work.
What helps against headaches?
Is chocolate healthy?
What's my job?
How big is an elephant?
Explain gravity to a child.
What's the difference between a frog and a toad?
Who invented the telephone?
What's my name?
How do I grow tomatoes?
How much water should I drink?
Which instrument has six strings?
Tell me about ancient Egypt.
What is a good hobby for winter?
How do I remove a coffee stain?
When did the second world war end?
Can fish sleep?
What is money?
I want to buy a bicycle.
What should I look for?
How tall is Mount Everest?
Do you like music?
What's the time in Tokyo when it's noon in Paris?
Why do leaves fall in autumn?
How do I tie a tie?
Bye.
""",
}


async def converse(llm: llama.LLM, questions: list[str], show: bool) -> tuple[int, list[float]]:
    """Ask one after the other. Returns how many answers came again, and seconds to each one's first piece."""
    messages: list[Message] = []
    again, latencies = 0, []
    for question in questions:
        messages.append(Message(Role.USER, question))
        pieces, begun, first = [], time.perf_counter(), None
        async for piece in llm.respond(LLMRequest(INSTRUCTIONS, tuple(messages))):
            first = first or time.perf_counter() - begun
            pieces.append(str(piece))
        answer = "".join(pieces).strip()
        said = [message.text for message in messages if message.role is Role.ASSISTANT]
        repeats = any(SequenceMatcher(None, answer, earlier).ratio() > ALIKE for earlier in said)
        again += repeats
        latencies.append(first or float("nan"))
        messages.append(Message(Role.ASSISTANT, answer))
        if show:
            print(f"  {'again' if repeats else '     '}  {question}\n         {answer}")
    return again, latencies


async def run(model: Path | None, show: bool) -> None:
    for name, text in CALLERS.items():
        llm = llama.LLM(model)
        try:
            await llm.warm(INSTRUCTIONS)
            again, latencies = await converse(llm, text.strip().splitlines(), show)
        finally:
            await llm.close()
        p50, p95 = np.nanpercentile(latencies, [50, 95])
        soon = f"first piece after {p50:.2f}/{p95:.2f} s (p50/p95)"
        print(f"{name:12} {again:2} of {len(latencies)} answers came again; {soon}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--answers", action="store_true", help="print them")
    options = parser.parse_args()
    asyncio.run(run(options.model, options.answers))


if __name__ == "__main__":
    main()
