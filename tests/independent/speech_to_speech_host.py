"""Hosts the realtime server of `speech-to-speech` with stubs in place of its models. Runs in an environment of its own.

Its protocol code is the package's own: the websocket route, the sessions, responses, conversation and cancellation. The
stubs are what it gets from models: any sound is speech, its words are always the same, and the answer counts, each word
a tone of `WORD` seconds, a tenth of that apart. It tells its address on the first line.
"""

import math
import socket
import threading
import time
from queue import Queue

import numpy as np
import uvicorn
from speech_to_speech.api.openai_realtime.pipeline_unit import PipelineUnit
from speech_to_speech.api.openai_realtime.service import RealtimeService
from speech_to_speech.api.openai_realtime.websocket_router import create_app
from speech_to_speech.pipeline.cancel_scope import CancelScope
from speech_to_speech.pipeline.control import is_control_message
from speech_to_speech.pipeline.events import (
    AssistantOutputEvent,
    AssistantResponseDoneEvent,
    ResponseGenerationDoneEvent,
    SpeechStartedEvent,
    SpeechStoppedEvent,
    TranscriptionCompletedEvent,
)
from speech_to_speech.pipeline.messages import (
    AUDIO_RESPONSE_DONE,
    AssistantTextPart,
    AudioOutput,
    GenerateResponseRequest,
)
from speech_to_speech.pipeline.queue_types import AudioInItem, AudioOutItem, TextEventItem, TextPromptItem

RATE = 16_000
WORD = 0.2
WORDS = 50
SILENCE = 0.5
LEVEL = 500
# As OpenAI's own: the audio of a turn begins so many ms before its speech.
PADDING_MS = 300


class Models:
    """What hears, thinks and speaks: two threads between the server's queues."""

    def __init__(self) -> None:
        self.heard: Queue[AudioInItem] = Queue()
        self.said: Queue[AudioOutItem] = Queue()
        self.events: Queue[TextEventItem] = Queue()
        self.prompts: Queue[TextPromptItem] = Queue()
        self.scope = CancelScope()
        self.unit = PipelineUnit(
            index=0,
            service=RealtimeService(text_prompt_queue=self.prompts, should_listen=threading.Event()),
            cancel_scope=self.scope,
            should_listen=threading.Event(),
            response_playing=threading.Event(),
            input_queue=self.heard,
            output_queue=self.said,
            text_output_queue=self.events,
            text_prompt_queue=self.prompts,
            handlers=[],
        )
        for work in (self.hear, self.answer):
            threading.Thread(target=work, daemon=True).start()

    def hear(self) -> None:
        """Speech by its level."""
        position, quiet, begun, turn = 0.0, math.inf, 0.0, 0
        while True:
            item = self.heard.get()
            if is_control_message(item):
                self.said.put(item)  # Through all of the pipeline.
                position, quiet = 0.0, math.inf
                continue
            data = item[0] if isinstance(item, tuple) else item
            samples = np.frombuffer(data, dtype=np.int16).astype(np.int32)
            speaking = quiet < SILENCE
            position += len(samples) / RATE
            quiet = 0.0 if np.abs(samples).max(initial=0) > LEVEL else quiet + len(samples) / RATE
            name = {"turn_id": f"turn {turn}", "turn_revision": 0}
            if quiet == 0.0 and not speaking:
                turn, begun = turn + 1, position
                name = {"turn_id": f"turn {turn}", "turn_revision": 0}
                start = max(0, round(position * 1000) - PADDING_MS)
                self.events.put(SpeechStartedEvent(audio_start_ms=start, **name))
            elif speaking and quiet >= SILENCE:
                at, length = round(position * 1000), position - begun
                self.events.put(SpeechStoppedEvent(duration_s=length, audio_end_ms=at, **name))
                self.events.put(TranscriptionCompletedEvent(transcript="count for me", **name))

    def answer(self) -> None:
        """Count, until it is cancelled."""
        while True:
            request = self.prompts.get()
            if not isinstance(request, GenerateResponseRequest):
                continue
            key, generation = request.response_key, self.scope.generation
            turn = {"turn_id": request.turn_id, "turn_revision": request.turn_revision}
            of = {"response_key": key, "cancel_generation": generation}
            for number in range(WORDS):
                part = AssistantTextPart(text=f"{number} ")
                self.said.put(AssistantOutputEvent(parts=[part], output_sequence=number, **of, **turn))
                wave = np.sin(2 * np.pi * 220.0 * np.arange(round(WORD * RATE)) / RATE)
                self.said.put(AudioOutput(audio=(wave * 9000).astype(np.int16), **of))
                time.sleep(WORD / 10)
                if self.scope.is_stale(generation):
                    break
            self.events.put(ResponseGenerationDoneEvent(**of, **turn))
            self.said.put(AssistantResponseDoneEvent(**of, **turn))
            self.said.put(AudioOutput(audio=AUDIO_RESPONSE_DONE, **of))


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    app = create_app(pool=[Models().unit], stop_event=threading.Event())
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
