"""Agents for `doctor made_up_setups:…`, each with something amiss, or nothing."""

import asyncio
import os
import sys

from vision_agents.core import Agent, User, agents
from vision_agents.core.floor import InterruptionPolicy
from vision_agents.plugins import deepgram, elevenlabs, getstream, openai, smart_turn
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

ME = User("agent")


def scripted(edge, **parts):
    parts = {"llm": ScriptedLLM(), "stt": ScriptedSTT(), "tts": ToneTTS(), **parts}
    return Agent(edge=edge, agent_user=ME, **parts)


async def well(edge):
    return scripted(edge, turn_detection=ScriptedDetector())


async def three_providers(edge):
    return Agent(
        edge, openai.LLM(), ME, stt=deepgram.STT(), tts=elevenlabs.TTS(), turn_detection=smart_turn.TurnDetection()
    )


async def one_provider(edge):
    return Agent(edge, ScriptedLLM(), ME, stt=elevenlabs.STT(), tts=elevenlabs.TTS())


async def edge_of_its_own(edge=None):
    return scripted(edge or getstream.Edge())


async def key_in_code(edge):
    return Agent(edge, openai.Realtime(api_key="sk-mine"), ME)


async def key_is_not_the_trouble(edge):
    return Agent(edge, ScriptedLLM(), ME, stt=ScriptedSTT(), tts=elevenlabs.TTS(output_format="mp3"))


async def realtime_with_everything(edge):
    realtime = openai.Realtime(api_key="sk-mine")
    return scripted(edge, llm=realtime, turn_detection=smart_turn.TurnDetection(9.0, 0.9))


async def two_judges_of_turns(edge):
    return scripted(edge, stt=elevenlabs.STT(api_key="mine"), turn_detection=ScriptedDetector())


async def nobody_judges_turns(edge):
    return scripted(edge)


async def without_a_voice(edge):
    return Agent(edge, ScriptedLLM(), ME, stt=ScriptedSTT(), turn_detection=ScriptedDetector())


async def sensitive(edge):
    return scripted(edge, turn_detection=smart_turn.TurnDetection(0.5, 0.3))


async def deliberate(edge):
    return scripted(edge, turn_detection=smart_turn.TurnDetection(2.0, 0.7))


async def recommended(edge):
    return scripted(edge, turn_detection=smart_turn.TurnDetection())


async def hasty(edge):
    policy = InterruptionPolicy(hold=False, commit_speech=0.0, hold_limit=9.0)
    return scripted(edge, turn_detection=ScriptedDetector(), interruption=policy)


async def broken(edge):
    raise LookupError("there is no such thing")


async def exits(edge):
    sys.exit("set MY_KEY first")


async def exits_in_a_task(edge):
    async def work():
        sys.exit("set MY_KEY first")

    await asyncio.create_task(work())


async def exits_when_it_is_checked(edge):
    class Exiting(ScriptedSTT):
        def preflight(self):
            sys.exit("set MY_KEY first")

    return scripted(edge, stt=Exiting(), turn_detection=ScriptedDetector())


def check(value): ...


async def own_function_misspelt(edge):
    check(givn=1)


async def own_namesake_misspelt(edge):
    warm_up(model=1)
    warm_up(frezze=1)


async def function_of_these_packages_misspelt(edge):
    await agents.warm_up(frezze=True)


def warm_up(model): ...


async def endless(edge):
    await asyncio.Event().wait()


async def with_an_edge_of_its_own(edge=None):
    return scripted(edge or LoopEdge(), turn_detection=ScriptedDetector())


async def no_agent(edge):
    return "no agent"


async def on_bedrock(edge):
    from vision_agents.plugins import aws

    return Agent(edge, aws.Realtime(), ME)


async def misspelt_threshold(edge):
    return scripted(edge, turn_detection=smart_turn.TurnDetection(confidence_treshold=0.5))


async def misspelt_part(edge):
    return Agent(edge, ScriptedLLM(), ME, stt=ScriptedSTT(), tts=ToneTTS(), turn_detecton=ScriptedDetector())


async def misspelt_user(edge):
    return Agent(edge=edge, llm=ScriptedLLM(), agent_usr=ME)


async def misspelt_key(edge):
    from vision_agents.plugins.openai import Realtime

    return Agent(edge, Realtime(apikey="sk-mine"), ME)


async def misspelt_option_of_a_function(edge):
    llm = ScriptedLLM()

    @llm.register_function(on_interupt="cancel")
    def clock() -> str:
        """Tell the time."""
        return "noon"

    return scripted(edge, llm=llm)


async def class_of_a_model(edge):
    from vision_agents.plugins import llama

    return scripted(edge, llm=llama.LLM)


async def user_in_a_word(edge):
    return Agent(edge, ScriptedLLM(), "agent", stt=ScriptedSTT(), tts=ToneTTS(), turn_detection=ScriptedDetector())


async def settings_in_a_dict(edge):
    return scripted(edge, turn_detection=ScriptedDetector(), interruption={"commit_speech": 0.5})


async def threshold_in_quotes(edge):
    return scripted(edge, turn_detection=smart_turn.TurnDetection(confidence_threshold="0.5"))


async def speaker_of_another_voice(edge):
    from vision_agents.plugins import piper

    tts = piper.TTS(os.environ["VOICE"], speaker="gino")
    return scripted(edge, tts=tts, turn_detection=ScriptedDetector())


class Puzzling(ToneTTS):
    @property
    def networks(self):
        raise LookupError("no idea")


async def puzzling_part(edge):
    return scripted(edge, tts=Puzzling(), turn_detection=ScriptedDetector())


async def unknown_keyword(edge):
    return Agent(edge, ScriptedLLM(), ME, xyzzy=1)


async def tools_for_the_smallest_model(edge):
    from vision_agents.plugins import llama

    llm = llama.LLM()

    @llm.register_function()
    def clock() -> str:
        """Tell the time."""
        return "noon"

    return scripted(edge, llm=llm, turn_detection=ScriptedDetector())


async def model_file_missing(edge):
    from vision_agents.plugins import llama

    return scripted(edge, llm=llama.LLM("nowhere.gguf"), turn_detection=ScriptedDetector())
