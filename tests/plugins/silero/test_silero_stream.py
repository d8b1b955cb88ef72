"""Windows, context and dirt: what the network is given. The network itself is in test_silero_model.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.models.onnx import to_float
from vision_agents.plugins.silero.model import CONTEXT, WINDOW, SileroStream


class Network:
    """Notes the inputs of its streams; a probability is the input's peak, and a stream's state counts its runs."""

    def __init__(self) -> None:
        self.inputs: list[np.ndarray] = []
        self.states: list[int] = []

    def runner(self) -> "Runner":
        return Runner(self)


class Runner:
    """The place of one stream in the network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.input = np.zeros((1, CONTEXT + WINDOW), dtype=np.float32)
        self._runs = 0

    def run(self) -> float:
        self._network.inputs.append(self.input.copy())
        self._network.states.append(self._runs)
        self._runs += 1
        return float(np.abs(self.input).max())

    def reset(self) -> None:
        self.input.fill(0)
        self._runs = 0


def sines(count: int) -> np.ndarray:
    """A sound whose windows of 512 have no offset: 500 Hz has 16 whole periods in each."""
    return np.asarray(np.sin(2 * np.pi * 500 / 16_000 * np.arange(count)) * 0.5, dtype=np.float32)


def test_each_window_carries_the_last_64_samples_of_the_one_before() -> None:
    network = Network()
    sound = sines(3 * WINDOW)
    SileroStream(network).feed(sound)
    first, second, third = (given_[0] for given_ in network.inputs)
    assert first.shape == (CONTEXT + WINDOW,)
    assert not first[:CONTEXT].any()
    np.testing.assert_allclose(second, sound[WINDOW - CONTEXT : 2 * WINDOW], atol=1e-6)
    np.testing.assert_allclose(third, sound[2 * WINDOW - CONTEXT :], atol=1e-6)


def test_the_state_goes_from_window_to_window_and_reset_forgets_it() -> None:
    network = Network()
    stream = SileroStream(network)
    stream.feed(sines(3 * WINDOW + 100))
    assert stream.pending == 100
    stream.reset()
    assert stream.pending == 0
    stream.feed(sines(WINDOW))
    assert network.states == [0, 1, 2, 0]
    assert not network.inputs[-1][0, :CONTEXT].any()


def test_two_speakers_share_the_network_and_nothing_else() -> None:
    network = Network()
    one, other = SileroStream(network), SileroStream(network)
    one.feed(sines(2 * WINDOW))
    other.feed(np.zeros(WINDOW, dtype=np.int16))
    assert network.states == [0, 1, 0]
    assert not network.inputs[-1].any()


@given(st.lists(st.integers(0, 1500), max_size=12))
def test_how_the_audio_is_cut_makes_no_difference(sizes: list[int]) -> None:
    sound = (sines(sum(sizes)) * 20_000).astype(np.int16)
    whole, cut = SileroStream(Network()), SileroStream(Network())
    pieces = np.split(sound, np.cumsum(sizes)[:-1]) if sizes else []
    assert [p for piece in pieces for p in cut.feed(piece)] == whole.feed(sound)
    assert cut.pending == whole.pending == sum(sizes) % WINDOW


def test_an_offset_is_taken_away() -> None:
    network = Network()
    SileroStream(network).feed(sines(60 * WINDOW) + np.float32(0.4))
    assert abs(network.inputs[0][0, CONTEXT:].mean()) < 0.01
    np.testing.assert_allclose(network.inputs[-1][0, CONTEXT:], sines(WINDOW), atol=0.01)


@pytest.mark.parametrize(
    ("level_db", "raised_db"),
    [(0, 0), (-2.9, 0), (-6, 3), (-15, 12), (-34, 12), (-37, 6), (-40, 0), (-60, 0)],
)
def test_a_faint_voice_is_raised_by_up_to_twelve_db_and_the_residue_of_an_echo_by_none(
    level_db: float, raised_db: float
) -> None:
    network = Network()
    sound = sines(3 * WINDOW) * np.float32(10 ** (level_db / 20))  # its peak is at -6 dB of full scale at the most
    SileroStream(network).feed(sound)
    expected = sound[WINDOW - CONTEXT : 2 * WINDOW] * 10 ** (raised_db / 20)
    np.testing.assert_allclose(network.inputs[1][0], expected, rtol=2e-2, atol=1e-5)


def test_the_context_is_raised_as_its_window_is() -> None:
    network = Network()
    loud, faint = sines(WINDOW), sines(WINDOW) * np.float32(0.01)
    SileroStream(network).feed(np.concatenate([faint, loud, faint]))
    np.testing.assert_allclose(network.inputs[1][0, :CONTEXT], faint[-CONTEXT:], atol=1e-6)
    # A faint window behind a loud one: the loud end of the one before is what sets its gain, so it is no step.
    np.testing.assert_allclose(network.inputs[2][0], np.concatenate([loud[-CONTEXT:], faint]), atol=1e-6)


def test_the_faint_sounds_of_a_voice_are_raised_as_its_loud_ones_are() -> None:
    network = Network()
    voice, faint = sines(WINDOW) * np.float32(0.1), sines(WINDOW) * np.float32(0.005)  # -26 and -52 dB
    SileroStream(network).feed(np.concatenate([faint, voice, faint, faint]))
    alone, _, _, behind = (given_[0, CONTEXT:] for given_ in network.inputs)
    np.testing.assert_allclose(alone, faint, atol=1e-6)
    np.testing.assert_allclose(behind, faint * 10 ** (12 / 20), atol=1e-5)


def test_silence_stays_silent() -> None:
    network = Network()
    SileroStream(network).feed(np.zeros(2 * WINDOW, dtype=np.int16))
    assert not np.array(network.inputs).any()


@given(st.lists(st.floats(), min_size=1, max_size=16))
def test_the_network_never_sees_what_is_not_a_number_or_out_of_range(values: list[float]) -> None:
    network = Network()
    SileroStream(network).feed(np.resize(np.array(values), WINDOW))
    assert np.isfinite(network.inputs[0]).all()
    assert np.abs(network.inputs[0]).max() <= 2.0  # full scale, and as much of an offset taken away


def test_what_is_no_mono_sound_is_refused() -> None:
    stream = SileroStream(Network())
    with pytest.raises(ValueError, match=r"\(100, 2\)"):
        stream.feed(np.zeros((100, 2), dtype=np.int16))
    with pytest.raises(TypeError, match="int32"):
        stream.feed(np.zeros(100, dtype=np.int32))  # type: ignore[arg-type]


def test_full_scale_is_one() -> None:
    scaled = to_float(np.array([-32768, 0, 16384], dtype=np.int16))
    assert scaled.dtype == np.float32
    assert scaled.tolist() == [-1.0, 0.0, 0.5]
