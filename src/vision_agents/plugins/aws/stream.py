"""One bidirectional stream of the SDK: opened, used, and closed in the order that it needs.

What bites in the SDK: a receive that is cancelled breaks its connection's thread, a stream whose connection is lost
before the service has answered never comes back, and a stream closed after it broke waits for ever. Hence: receiving
ends by itself when the connection is closed, it is never cancelled; and everything else has a deadline, here or in
the link.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Iterable
from copy import copy, deepcopy
from typing import Any

from vision_agents.core.remote.realtime_link import retrieve_exception
from vision_agents.core.tasks import own_errors

from .client import SERVICE_NAME, AWSError, explained, load
from .wire import Json

logger = logging.getLogger(__name__)

# Deadline in seconds for each step of closing.
CLOSE_TIMEOUT = 1.0


class Stream:
    """A stream of `model`, with a client, and so a connection, of its own. `config` is the SDK's."""

    def __init__(self, config: Any, model: str) -> None:
        self._config = config
        self._model = model
        self._client: Any = None
        self._duplex: Any = None
        self._models: Any = None
        self._output: asyncio.Future[Any] | None = None
        self._sending: asyncio.Task[None] | None = None
        # Until it is open there is nothing to say goodbye to.
        self._broken = True

    async def open(self, events: Iterable[Json]) -> None:
        """Open it and send `events`. Raises AWSError."""
        client = await load("aws_sdk_bedrock_runtime.client")
        self._models = await load("aws_sdk_bedrock_runtime.models")
        # A copy of the transport has connections of its own, on the same thread. To make one takes 20 ms.
        config = copy(self._config)
        config.transport = await asyncio.to_thread(deepcopy, self._config.transport)
        self._client = client.AsyncBedrockRuntimeClient(config=config)
        request = self._models.InvokeModelWithBidirectionalStreamOperationInput(model_id=self._model)
        before = asyncio.all_tasks()
        try:
            self._duplex = await self._client.invoke_model_with_bidirectional_stream(request)
        except Exception as error:
            raise explained(error, SERVICE_NAME) from error
        self._output = _begun(self._duplex.await_output(), "nova sonic output")
        sending = _begun(self._send_all(events), "nova sonic opening")
        try:
            both = [self._output, sending]
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
            # What the service says is worth more than that nothing could be sent.
            for task in both:
                if task in done:
                    task.result()
            _look_at_writer(before)
            self._broken = False
        except Exception as error:
            raise explained(error, SERVICE_NAME) from error
        finally:
            sending.cancel()
            await asyncio.wait([sending])

    async def send(self, events: Iterable[Json]) -> None:
        """Send events, all of them even if this is cancelled: each is signed with the signature of the one before.

        Raises AWSError.
        """
        self._sending = sending = _begun(self._send_all(events), "nova sonic sending")
        sending.add_done_callback(retrieve_exception)
        await asyncio.shield(sending)

    async def receive(self) -> Any:
        """The next event, for `parsed`; None after the last. Raises AWSError. Never cancel it."""
        try:
            output = await self._duplex.output_stream.receive()
        except Exception as error:
            self._broken = True
            raise explained(error, SERVICE_NAME) from error
        if output is None:
            self._broken = True
        return output

    async def close(self, events: Iterable[Json], received: asyncio.Future[Any] | None) -> None:
        """Send `events`, end our side, wait for the end of theirs, and hang up.

        `received` is done when nothing more is received. Never raises, takes a few `CLOSE_TIMEOUT` at most.
        """
        if self._sending is not None and not self._sending.done():
            await asyncio.wait([self._sending], timeout=CLOSE_TIMEOUT)
            self._broken = self._broken or not self._sending.done()
            self._sending.cancel()
        if self._duplex is not None and not self._broken:
            await self._quietly(self._send_all(events))
        if self._duplex is not None:
            await self._quietly(self._duplex.input_stream.close())
        if received is not None and not self._broken:
            await asyncio.wait([received], timeout=CLOSE_TIMEOUT)
        if self._client is not None:
            await self._quietly(self._client.close())
        if self._output is not None and not self._output.done():
            self._output.cancel()  # The connection is gone: nothing will ever answer this.
            await asyncio.wait([self._output], timeout=CLOSE_TIMEOUT)
        if received is not None:
            await asyncio.wait([received], timeout=CLOSE_TIMEOUT)

    async def _send_all(self, events: Iterable[Json]) -> None:
        try:
            for event in events:
                part = self._models.BidirectionalInputPayloadPart(bytes_=json.dumps({"event": event}).encode())
                await self._duplex.input_stream.send(self._models.InvokeModelWithBidirectionalStreamInputChunk(part))
        except Exception as error:
            self._broken = True
            raise explained(error, f"{SERVICE_NAME}, while sending") from error

    async def _quietly(self, work: Any) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await own_errors(work, SERVICE_NAME)
        except Exception as error:
            logger.debug("a stream to %s was not closed in order: %r", SERVICE_NAME, error)


def _begun(work: Awaitable[Any], name: str) -> asyncio.Task[Any]:
    """Run something of the SDK: in a task of its own `sys.exit()` would end the process."""
    return asyncio.create_task(own_errors(work, name), name=name)


def parsed(output: Any) -> Json:
    """Parse what was received. Raises AWSError if it makes no sense."""
    try:
        event = json.loads(output.value.bytes_)["event"]
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise AWSError(f"{SERVICE_NAME}: an event cannot be read ({error}).") from error
    if not isinstance(event, dict):
        raise AWSError(f"{SERVICE_NAME}: an event is no object, but {event!r:.100}.")
    return event


def _look_at_writer(before: set[asyncio.Task[Any]]) -> None:
    """The SDK writes in a task that nobody looks at, and which fails whenever the service ends the stream before us."""
    for task in asyncio.all_tasks() - before:
        if "request_body_generator" in str(getattr(task.get_coro(), "__qualname__", "")):
            task.add_done_callback(retrieve_exception)
