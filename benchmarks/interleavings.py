"""The first law under random interleavings: once an interruption has returned, no older sample is ever pulled.

    python benchmarks/interleavings.py [COUNT] [--seed N]

Each interleaving is a call of 10 to 30 random operations (code and people interrupt, replies are asked for, time
passes, frames are pulled) with providers that send late, reorder, stall, raise and ignore that they are cancelled; half
of the calls with an LLM and a TTS, half with a realtime model. Every sample tells the epoch in which it was made. The
seed decides everything: the same one repeats the same run. Exits with 1 if there was a stale sample.
"""

import argparse
import sys
import time

from vision_agents.testing import virtual_time
from vision_agents.testing.interleaving import Tally, interleave_many


def run(count: int, seed: int = 0) -> Tally:
    """`count` interleavings, the first of them with `seed`."""
    return virtual_time.run(interleave_many(range(seed, seed + count)), timeout=float("inf"))


def main() -> int:
    parser = argparse.ArgumentParser(description="Random interleavings of an interrupted agent.")
    parser.add_argument("count", nargs="?", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begin = time.process_time()
    tally = run(options.count, options.seed)
    seconds = time.process_time() - begin
    print(f"interleavings        {tally.interleavings:>14,}   ({tally.operations:,} operations)")
    print(f"interrupts           {tally.interrupts:>14,}")
    print(f"samples pulled       {tally.pulled:>14,}   ({tally.sounding:,} not silent)")
    print(f"stale samples        {tally.stale:>14,}")
    print(f"CPU time             {seconds:>12,.0f} s   (one core)")
    return 1 if tally.stale else 0


if __name__ == "__main__":
    sys.exit(main())
