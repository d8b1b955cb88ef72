"""Providers that are no services: scripted parts and models that run in this process."""

import time
from collections.abc import Callable

from vision_agents.testing.contract import Answer, Provider


class InProcess(Provider):
    """Has no connection that could break, and nobody to pay."""

    def __init__(self) -> None:
        here = "it runs in this process"
        super().__init__(
            cannot={"disconnect": here, "send_late": here, "malformed": here, "quota": "nobody pays for it"}
        )


def wait_for_permit(answer: Answer, stopped: Callable[[], bool]) -> None:
    """`permit` for a worker thread; returns early when the work is stopped."""
    while not answer.permitted and not stopped():
        time.sleep(0.001)
    answer.count()
