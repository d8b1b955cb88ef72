"""A recorded user in a call: true time, both sides kept, an end that is neither rude nor never."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from vision_agents.core.audio.files import AudioFileError
from vision_agents.core.participants import User
from vision_agents.plugins.local.file_edge import FileEdge

pytestmark = pytest.mark.virtual_time

RATE = 48_000
FRAME = 960
AGENT = User("agent")


class Sink:
    """An agent's side that notes what comes and plays what it is given: `plays` maps a frame's number to a level."""

    def __init__(self, plays=None):
        self.plays = plays or {}
        self.loop = asyncio.get_running_loop()
        self.pulled: list[float] = []
        self.played: list[np.ndarray] = []
        self.heard: list[np.ndarray] = []
        self.heard_at: list[float] = []
        self.people: list[str] = []
        self.over = self.loop.create_future()
        self._frame = np.zeros(FRAME, dtype=np.int16)

    def pull(self):
        level = self.plays.get(len(self.pulled), 0)
        self._frame[:] = level  # the array is reused, as the contract says
        self.pulled.append(self.loop.time())
        self.played.append(self._frame.copy())
        return self._frame

    def audio(self, audio, participant):
        assert audio.sample_rate == RATE
        self.heard.append(audio.samples.copy())
        self.heard_at.append(self.loop.time())

    def participant_joined(self, participant):
        self.people.append(f"+{participant.id}")

    def participant_left(self, participant):
        self.people.append(f"-{participant.id}")

    def ended(self, error=None):
        self.over.set_result((self.loop.time(), error))


@pytest.fixture
def user(tmp_path):
    """0.75 s of a user, every sample another one, so that nothing can be lost, doubled or moved unseen."""
    samples = (np.arange(36_000) % 30_000 + 1).astype(np.int16)
    path = tmp_path / "user.wav"
    soundfile.write(path, samples, RATE)
    return path, samples


async def call(edge, sink):
    await edge.join(AGENT, None, sink)
    ended = await asyncio.wait_for(sink.over, 200)
    await edge.leave()
    return ended


async def test_the_user_is_heard_from_the_first_sample_to_the_last(user):
    path, samples = user
    sink = Sink()
    await call(FileEdge(path, tail=0.5), sink)
    heard = np.concatenate(sink.heard)
    assert not heard[:480].any()
    assert np.array_equal(heard[480 : 480 + len(samples)], samples)
    assert not heard[480 + len(samples) :].any()
    assert sink.people == ["+user", "-user"]


async def test_audio_is_handed_over_when_it_has_sounded_and_pulled_when_it_is_due(user):
    path, _ = user
    sink = Sink()
    edge = FileEdge(path, tail=0.5)
    await call(edge, sink)
    assert sink.pulled == pytest.approx([edge.started + n * 0.02 for n in range(len(sink.pulled))], abs=1e-9)
    # The frame handed over at n * 20 + 10 ms ends with the sample of that time: half a frame of silence came first.
    assert sink.heard_at == pytest.approx([edge.started + n * 0.02 + 0.01 for n in range(len(sink.heard))], abs=1e-9)


async def test_both_sides_are_kept_to_the_sample(user, tmp_path):
    path, samples = user
    sink = Sink({5: 1000, 6: -1000, 40: 77})
    edge = FileEdge(path, tmp_path / "call.wav", tail=0.5)
    await call(edge, sink)
    recording = edge.recording()
    assert len(recording) == FRAME * len(sink.pulled)
    assert np.array_equal(recording[:, 1], np.concatenate(sink.played))
    assert np.array_equal(recording[: len(samples), 0], samples)
    assert not recording[len(samples) :, 0].any()
    assert soundfile.info(tmp_path / "call.wav").frames == len(recording)


async def test_a_late_clock_catches_up_without_skipping(user, tmp_path):
    path, _ = user
    late: list[tuple[float, float, float]] = []

    class Busy(Sink):
        def audio(self, audio, participant):
            super().audio(audio, participant)
            if len(self.heard) == 10:
                self.loop._now += 0.3  # something blocks the event loop for so long

    sink = Busy()
    edge = FileEdge(path, tail=0.5)
    edge.on_late = lambda *spell: late.append(spell)
    await call(edge, sink)
    assert edge.worst_delay == pytest.approx(0.29, abs=0.001)
    # One stretch, from the first late tick until the clock was nearly right again.
    ((at, lasted, delay),) = late
    assert at == pytest.approx(edge.started + 0.2)
    assert delay == pytest.approx(0.29, abs=0.001)
    assert lasted == pytest.approx(0.29, abs=0.03)
    # As many frames as ever, no two in the wrong order, and back on the same schedule.
    assert sink.pulled[30] == pytest.approx(edge.started + 0.6)
    assert all(a <= b for a, b in pairwise(sink.pulled))
    assert len(sink.heard) == len(sink.pulled) - 1


async def test_it_hangs_up_when_both_have_been_quiet_for_long_enough(user):
    path, samples = user
    quiet, sink = Sink(), Sink(dict.fromkeys(range(60, 120), 500))
    ended, error = await call(FileEdge(path, tail=2.0), quiet)
    assert error is None
    assert ended == pytest.approx(len(samples) / RATE + 2.0, abs=0.05)
    edge = FileEdge(path, tail=2.0)
    ended, _ = await call(edge, sink)
    assert ended - edge.started == pytest.approx(119 * 0.02 + 2.0, abs=0.03)


@pytest.mark.parametrize(
    ("record", "end"),
    [
        ({"effect": "BeginReply", "reply": 3}, {"effect": "DropReply", "reply": 3}),
        ({"effect": "BeginReply", "reply": 3}, {"event": "AudioDrained", "reply": 3}),
        ({"event": "ReplyStarted", "reply": 3}, {"effect": "Commit", "reply": 3}),
        ({"effect": "BeginTurn", "participant": "user"}, {"effect": "DiscardTurn", "participant": "user"}),
        ({"effect": "FinishTurn", "participant": "user"}, {"effect": "RecordTurn", "participant": "user"}),
    ],
)
async def test_it_waits_for_what_is_on_its_way(user, record, end):
    path, _ = user
    sink = Sink()
    edge = FileEdge(path, tail=1.0)
    await edge.join(AGENT, None, sink)
    edge.observe(record)
    await asyncio.sleep(10.0)
    assert not sink.over.done()
    edge.observe(end)
    await asyncio.sleep(0.03)
    assert sink.over.done()
    await edge.leave()


async def test_it_does_not_wait_for_ever(user):
    path, samples = user
    sink = Sink(dict.fromkeys(range(10000), 500))
    edge = FileEdge(path, limit=20.0)
    await edge.join(AGENT, None, sink)
    edge.observe({"effect": "BeginReply", "reply": 1})
    ended, error = await asyncio.wait_for(sink.over, 100)
    assert error is None
    assert ended - edge.started == pytest.approx(len(samples) / RATE + 20.0, abs=0.05)
    await edge.leave()


async def test_leaving_in_the_middle_completes_the_recording_and_is_harmless_again(user, tmp_path):
    path, _ = user
    sink = Sink()
    edge = FileEdge(path, tmp_path / "call.wav")
    await edge.leave()
    await edge.join(AGENT, None, sink)
    await asyncio.sleep(0.3)
    await edge.leave()
    await edge.leave()
    assert not sink.over.done()  # who leaves knows it
    pulled = len(sink.pulled)
    assert soundfile.info(tmp_path / "call.wav").frames == pulled * FRAME
    await asyncio.sleep(1.0)
    assert len(sink.pulled) == pulled


async def test_an_agent_that_breaks_ends_the_call_with_its_error(user, tmp_path):
    path, _ = user

    class Broken(Sink):
        def pull(self):
            if len(self.pulled) == 20:
                raise RuntimeError("no more")
            return super().pull()

    sink = Broken()
    _, error = await call(FileEdge(path, tmp_path / "call.wav"), sink)
    assert str(error) == "no more"
    assert soundfile.info(tmp_path / "call.wav").frames == 20 * FRAME


async def test_a_disk_that_fails_costs_the_recording_and_not_the_call(user, tmp_path, monkeypatch):
    path, samples = user
    sink = Sink()
    edge = FileEdge(path, tmp_path / "call.wav", tail=0.5)
    await edge.join(AGENT, None, sink)
    await asyncio.sleep(0.2)

    def full(samples):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(edge._tape._writer, "write", full)
    _, error = await asyncio.wait_for(sink.over, 100)
    await edge.leave()
    assert error is None
    assert np.array_equal(np.concatenate(sink.heard)[480 : 480 + len(samples)], samples)
    assert edge.recording_error.errno == 28
    assert len(edge.recording()) == FRAME * round(0.2 / 0.02)


async def test_what_cannot_begin_says_so_before_the_call(user, tmp_path):
    path, _ = user
    with pytest.raises(AudioFileError, match="there is no file"):
        await FileEdge(tmp_path / "missing.wav").join(AGENT, None, Sink())
    with pytest.raises(OSError, match="No such file"):
        await FileEdge(path, tmp_path / "nowhere" / "call.wav").join(AGENT, None, Sink())
    edge = FileEdge(path)
    with pytest.raises(ValueError, match="keeps no recording"):
        edge.recording()
    await edge.join(AGENT, None, Sink())
    with pytest.raises(RuntimeError, match="in a call already"):
        await edge.join(AGENT, None, Sink())
    await edge.leave()
