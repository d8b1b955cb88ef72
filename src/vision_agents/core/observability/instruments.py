"""The OpenTelemetry metrics of calls: their names, units and bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

NAME = "vision_agents"

# Bounds of histograms in seconds: finest where an interruption is felt, and where an answer is waited for.
SILENCE_BOUNDS = (0.02, 0.04, 0.06, 0.09, 0.12, 0.16, 0.2, 0.3, 0.5, 1.0, 2.0)
HELD_BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0)
STAGE_BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
TOKEN_BOUNDS = tuple(float(4**power) for power in range(14))
LATENCY_BOUNDS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class Instruments:
    """The instruments that measurements of a call go into; a meter gives the same ones again for the next call."""

    def __init__(self, meter: Meter) -> None:
        self.time_to_silence = meter.create_histogram(
            f"{NAME}.interruption.time_to_silence",
            "s",
            "From the onset of speech over the agent to the agent's last audible sample.",
            explicit_bucket_boundaries_advisory=SILENCE_BOUNDS,
        )
        self.held = meter.create_histogram(
            f"{NAME}.interruption.held",
            "s",
            "How long the agent was held before it was decided what to make of the speech.",
            explicit_bucket_boundaries_advisory=HELD_BOUNDS,
        )
        self.interruptions = meter.create_counter(
            f"{NAME}.interruptions", "{interruption}", "Times that somebody spoke over the agent, or code stopped it."
        )
        self.recovered = meter.create_counter(
            f"{NAME}.interruptions.recovered", "{interruption}", "False ones after which the agent went on."
        )
        self.latency = meter.create_histogram(
            f"{NAME}.response.latency",
            "s",
            "From the end of the user's speech, as detected, to the first sample of the answer.",
            explicit_bucket_boundaries_advisory=LATENCY_BOUNDS,
        )
        self.stage = meter.create_histogram(
            f"{NAME}.response.stage",
            "s",
            "Of that, from one stage of the answer to the next: they add up to it.",
            explicit_bucket_boundaries_advisory=STAGE_BOUNDS,
        )
        # By the semantic conventions for generative AI, so that it stands beside what other programs measure.
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKEN_BOUNDS,
        )
        self.stale = meter.create_counter(
            f"{NAME}.stale_chunks", "{chunk}", "Late audio of replies that were interrupted: dropped, not played."
        )
