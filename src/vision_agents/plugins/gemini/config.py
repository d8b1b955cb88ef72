"""The configuration of sessions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from google.genai import types

from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import PlayedResponse, Tool


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings of every session."""

    config: types.LiveConnectConfig
    voice: str | None

    @classmethod
    def of(cls, config: types.LiveConnectConfigOrDict | None, voice: str | None) -> Setup:
        """Complete `config`. Raises ValueError if it cannot be."""
        given = types.LiveConnectConfig.model_validate(config or {})
        detection = given.realtime_input_config and given.realtime_input_config.automatic_activity_detection
        if detection and detection.disabled:
            raise ValueError(
                "automatic_activity_detection.disabled: nobody would tell the model when somebody speaks. Leave it on; "
                "to have the agent hold earlier, pass vad=silero.VAD() to Agent"
            )
        defaults: dict[str, object] = {
            "input_audio_transcription": types.AudioTranscriptionConfig(),
            "output_audio_transcription": types.AudioTranscriptionConfig(),
            # Without it a session of audio ends after fifteen minutes.
            "context_window_compression": types.ContextWindowCompressionConfig(sliding_window=types.SlidingWindow()),
        }
        missing = {name: value for name, value in defaults.items() if getattr(given, name) is None}
        return cls(given.model_copy(update={**missing, "response_modalities": [types.Modality.AUDIO]}), voice)

    @property
    def interrupts(self) -> bool:
        """Return whether the service stops the model when somebody speaks."""
        realtime = self.config.realtime_input_config
        return realtime is None or realtime.activity_handling != types.ActivityHandling.NO_INTERRUPTION

    def session(self, instructions: str, tools: Iterable[Tool], handle: str | None) -> types.LiveConnectConfig:
        """The session that `handle` names, or a new one."""
        changes: dict[str, object] = {"session_resumption": types.SessionResumptionConfig(handle=handle)}
        if instructions:
            changes["system_instruction"] = instructions
        if self.voice is not None:
            voice = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=self.voice))
            given = self.config.speech_config or types.SpeechConfig()
            changes["speech_config"] = given.model_copy(update={"voice_config": voice})
        if functions := declarations(tools):
            changes["tools"] = [*(self.config.tools or []), types.Tool(function_declarations=functions)]
        return self.config.model_copy(update=changes)


def declarations(tools: Iterable[Tool]) -> list[types.FunctionDeclaration]:
    """The agent's functions in the service's form."""
    return [
        types.FunctionDeclaration(
            name=tool.name, description=tool.description, parameters_json_schema=dict(tool.parameters)
        )
        for tool in tools
    ]


def content(role: str, text: str) -> types.Content:
    """A text in the conversation."""
    return types.Content(role=role, parts=[types.Part(text=text)])


def turns(messages: Iterable[Message]) -> list[types.Content]:
    """The history in the service's form."""
    return [content("model" if message.role is Role.ASSISTANT else "user", message.text) for message in messages]


def note(heard: Iterable[PlayedResponse]) -> types.Content:
    """Tell the model how much of its answers reached the user."""
    texts = [one.text.strip() for one in heard]
    said = " ".join(text for text in texts if text)
    if said:
        return content("user", f"(You were interrupted. Of what you said, the user has heard only this: “{said}”)")
    return content("user", "(You were interrupted. The user has heard nothing of your last answer.)")
