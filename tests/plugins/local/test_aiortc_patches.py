"""The private attributes of aiortc that the local edge depends on are there, in the version that is installed."""

import asyncio
import random
import socket
from types import SimpleNamespace

import pytest
from aiortc import RTCCertificate, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver
from aiortc.rtcdtlstransport import generate_certificate
from cryptography.hazmat.primitives.asymmetric import rsa

from vision_agents.plugins.local import aiortc_patches
from vision_agents.plugins.local.aiortc_patches import (
    MOST_DATAGRAMS,
    divert_packets,
    gather_on_loopback,
    guard_datagrams,
    tidy_connecting,
)

from .browser_kit import PATIENCE, Caller, tone_of


async def test_packets_come_to_us_and_nothing_is_left_for_aiortc_to_decode():
    receiver = RTCRtpReceiver("audio", SimpleNamespace(state="new"))
    taken = []
    divert_packets(receiver, lambda data, timestamp: taken.append((data, timestamp)))
    buffer = receiver._RTCRtpReceiver__jitter_buffer
    for number in (1, 2, 2, 4):
        packet = SimpleNamespace(sequence_number=number, timestamp=960 * number, _data=b"sound")
        assert buffer.add(packet) == (False, None)
    assert taken == [(b"sound", 960), (b"sound", 1920), (b"sound", 3840)]


def test_another_aiortc_is_an_error_that_says_what_to_do():
    with pytest.raises(RuntimeError, match=r"pip install aiortc==1\.16\.0"):
        divert_packets(SimpleNamespace(), print)


async def test_loopback_is_among_the_candidates_and_connecting_comes_to_an_end():
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("audio")
    gather_on_loopback(connection, only=True)
    under_way = tidy_connecting(connection)
    await connection.setLocalDescription(await connection.createOffer())
    assert " 127.0.0.1 " in connection.localDescription.sdp
    await connection.close()
    async with asyncio.timeout(PATIENCE):
        while under_way:
            await asyncio.wait(under_way)


def ports_of(call):
    """The addresses at which a call can be reached."""
    candidates = call._connection.rtc.sctp or call._connection.rtc.getTransceivers()[0].receiver.transport.transport
    return [(c.ip, c.port) for c in candidates.iceGatherer.getLocalCandidates()]


async def test_nothing_that_is_sent_to_its_port_ends_a_call(edge, http, sink):
    """Nor is any of it heard: what is no media of the caller is thrown away."""
    caller = Caller(tone_of(400))
    await caller.call(edge, http)
    await caller.hears(3)
    (call,) = edge._line._calls
    noise = random.Random(7)
    lengths = [0, 0, 1, 1, 2, 3, 11, 12, 13, 14, 60, 300, 1200]
    firsts = (0, 1, 20, 22, 63, 64, 128, 129, 191, 255)
    datagrams = [b"", *(bytes([first]) + noise.randbytes(length) for length in lengths for first in firsts)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for address in ports_of(call):
            for datagram in datagrams:
                sender.sendto(datagram, address)
                await asyncio.sleep(0)
    await caller.hears(len(caller.heard) + 20)
    assert sink.happened == ["user/1 joined"]
    await caller.close()


async def test_a_flood_is_not_kept():
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("audio")
    guard_datagrams(connection)
    ice = aiortc_patches._ice(connection)
    for _ in range(3 * MOST_DATAGRAMS):
        ice.data_received(b"x", 1)
    assert ice._queue.qsize() == MOST_DATAGRAMS
    await connection.close()


class RSACertificate(RTCCertificate):
    """What GStreamer's webrtcbin has: an RSA key, and the suites for it alone."""

    def _create_ssl_context(self, srtp_profiles):
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256")
        return context


async def test_a_caller_with_an_rsa_certificate_connects(edge, http, sink):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    caller = Caller(certificate=RSACertificate(key, generate_certificate(key)))
    await caller.call(edge, http)
    await caller.hears(3)
    assert sink.happened == ["user/1 joined"]
    await caller.close()
