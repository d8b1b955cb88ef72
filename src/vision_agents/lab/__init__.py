"""The lab: how right an agent's judgement of interruptions is, measured over a suite of scenarios.

Each case is a call in virtual time: the real floor, playout and ears (Silero, Smart Turn, Moonshine), a scripted model
and voice, and a sound that is a true interruption or none. See `vision-agents lab run --help`.
"""
