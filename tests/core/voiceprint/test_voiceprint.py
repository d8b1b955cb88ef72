"""The likeness of voices, and what a voiceprint need not implement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision_agents.core.voiceprint import Voiceprint, similarity

vectors = arrays(np.float32, 8, elements=st.floats(-1, 1, width=32)).filter(lambda v: np.linalg.norm(v) > 1e-3)


@given(vectors, vectors, st.floats(0.01, 100))
def test_likeness_is_symmetric_bounded_and_does_not_depend_on_length(a, b, factor):
    alike = similarity(a, b)
    assert -1 <= alike <= 1
    assert similarity(b, a) == alike
    assert similarity((a * np.float32(factor)), b) == pytest.approx(alike, abs=1e-5)
    assert similarity(a, a) == pytest.approx(1.0)
    assert similarity(a, -a) == pytest.approx(-1.0)


def test_likeness_is_the_cosine_of_the_angle():
    angle = np.radians(30)
    a, b = np.array([1, 0], np.float32), np.array([np.cos(angle), np.sin(angle)], np.float32)
    assert similarity(a, b) == pytest.approx(np.sqrt(3) / 2)
    assert similarity(a, np.array([0, 1], np.float32)) == 0


async def test_a_voiceprint_needs_no_start_and_no_close():
    class Constant(Voiceprint):
        async def embed(self, samples):
            return np.ones(1, np.float32)

    voiceprint = Constant()
    await voiceprint.start()
    assert similarity(await voiceprint.embed(np.zeros(9, np.int16)), np.ones(1, np.float32)) == 1
    await voiceprint.close()


def test_a_voiceprint_that_cannot_embed_cannot_be_made():
    with pytest.raises(TypeError, match="embed"):
        Voiceprint()
