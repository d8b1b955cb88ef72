"""The private attributes of aiortc that the local edge depends on are there, in the version that is installed."""

import asyncio
from types import SimpleNamespace

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver

from vision_agents.plugins.local.aiortc_patches import offer_loopback, replace_buffer, tidy_connecting

from .browser_kit import PATIENCE


async def test_our_buffer_takes_the_place_of_aiortcs():
    receiver = RTCRtpReceiver("audio", SimpleNamespace(state="new"))
    buffer = replace_buffer(receiver)
    assert receiver._RTCRtpReceiver__jitter_buffer is buffer


def test_another_aiortc_is_an_error_that_says_what_to_do():
    with pytest.raises(RuntimeError, match=r"pip install aiortc==1\.16\.0"):
        replace_buffer(SimpleNamespace())


async def test_loopback_is_among_the_candidates_and_connecting_comes_to_an_end():
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("audio")
    offer_loopback(connection)
    under_way = tidy_connecting(connection)
    await connection.setLocalDescription(await connection.createOffer())
    assert " 127.0.0.1 " in connection.localDescription.sdp
    await connection.close()
    async with asyncio.timeout(PATIENCE):
        while under_way:
            await asyncio.wait(under_way)
