"""Many interruptions in a row of a Nova Sonic on loopback: do tasks, sockets and memory stay flat?

Each one cancels an answer that the service would go on with, the costliest kind: a new stream takes over.
Run it with Python 3.12 in the repository's root: `python -m benchmarks.aws_interruptions [how many]`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.standins.aws.server import KEY_ID, REGION, SECRET, StandIn

from vision_agents.plugins import aws
from vision_agents.testing.contract import Player, until


def resources() -> str:
    """What the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    files = len(list(Path("/proc/self/fd").iterdir()))
    return f"{len(asyncio.all_tasks()):3} tasks, {files:3} files, {megabytes:6.1f} MB"


async def main(count: int) -> None:
    async with StandIn() as service:
        with tempfile.NamedTemporaryFile(suffix=".pem") as authority:
            authority.write(service.ca_pem)
            authority.flush()
            os.environ["SSL_CERT_FILE"] = authority.name
            model = aws.Realtime(
                region=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, endpoint_uri=service.url
            )
            player = Player(model)
            await model.connect("Be brief.", ())
            await service.stall(after=3)
            began = time.perf_counter()
            for number in range(count + 1):
                if number % max(1, count // 10) == 0:
                    print(f"{number:5} interruptions: {resources()}, {service.open_connections} connections")
                player.responses.clear()
                service.sessions[:-1] = []
                await model.send_text("Say something.")
                await until(lambda: player.responses and player.last.audio, "the first audio")
                player.interrupt()
            print(f"{(time.perf_counter() - began) / count * 1000:.0f} ms each; failures: {player.failures}")
            await model.close()
            print(f"      in the end:      {resources()}, {service.open_connections} connections")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
