"""Event loops, markers and hypothesis profiles: what runs side by side, what runs alone, and what is left to chance."""

import asyncio
import inspect
import os
import signal
from collections.abc import Callable, Generator, Mapping

import pytest
from hypothesis import settings

from vision_agents.testing.virtual_time import VirtualTimeLoop

from .machine import Witness

# The suite is the same run every time: whether a change broke something is told by the change, not by chance. What
# chance finds is looked for by `python -m tests.laws`, and becomes an example in the test that it broke.
settings.register_profile("suite", derandomize=True, deadline=None)
settings.register_profile("random", derandomize=False, deadline=None, database=None, print_blob=True)
settings.load_profile("suite")

# A test that carries one of these takes the machine's own time, whatever else it is.
ALONE = ("browser", "ray", "real_time")

WITNESS = Witness()


def pytest_configure(config: pytest.Config) -> None:
    # A test that lacks a model says so, and does not fetch 100 MB on the way.
    os.environ.setdefault("VISION_AGENTS_FETCH", "no")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts background jobs with Ctrl-C ignored, and what they start inherits that: the programs whose
        # Ctrl-C is tested would never notice it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        # Likewise under nohup. What is caught here is the default for programs that are started from here.
        signal.signal(signal.SIGHUP, lambda *_: None)
    config.addinivalue_line(
        "markers", "virtual_time: run on an event loop whose clock jumps (async tests and fixtures)"
    )
    config.addinivalue_line(
        "markers",
        "real_time: runs alone, after the others, for its outcome depends on the machine's own clock. Given to each "
        "async test that is not marked virtual_time, and to those of browsers and Ray; give it to other tests that "
        "wait in real time for threads or processes",
    )
    config.addinivalue_line(
        "markers",
        "patient: runs beside the others although it drives a browser, for it judges no time, and waits as long as "
        "a busy machine may take",
    )
    config.addinivalue_line("markers", "long: runs before the others, so that no core waits for it in the end")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if takes_real_time(item):
            item.add_marker("real_time")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def takes_real_time(item: pytest.Item) -> bool:
    """The item runs on a real event loop, or on browsers or Ray, and its outcome may depend on how long that takes."""
    if item.get_closest_marker("patient"):
        return False
    if any(item.get_closest_marker(name) for name in ALONE):
        return True
    test = inspect.unwrap(getattr(item, "function", None) or (lambda: None))
    return inspect.iscoroutinefunction(test) and not item.get_closest_marker("virtual_time")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What fails in real time says how busy the machine was: see the section "the machine" of its report."""
    if item.get_closest_marker("real_time"):
        WITNESS.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and item.get_closest_marker("real_time"):
        report.sections.append(("the machine", str(WITNESS)))
    return report


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.get_closest_marker("virtual_time"):
        return {"virtual_time": VirtualTimeLoop}
    return {"real_time": asyncio.new_event_loop}
