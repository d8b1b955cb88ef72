"""The centre of voices: what all of them have in common, and which tells nobody apart."""

from __future__ import annotations

import base64
from typing import Final

import numpy as np
from numpy.typing import NDArray

# The mean of the encoder's vectors of 124 voices in 15 languages, over microphones and telephones, in thousandths.
# `benchmarks/voiceprint.py --centre` prints it.
_THOUSANDTHS = (
    "GQlAABETDyI0IGlcLAchJU0ZJhQkRgIAAUQFDggAOTEiCwhEIA4VCQASKB4gHgwPOxwAMQkADBkkGiQLGAQWKCsMYUkDCRwnAT4U"
    "CQAgLkcHDF8yDAIGRgFaMQMDAw0AFgAEAwsET0QwMRUfCGICLwhjHQBBERE8NzVUHi9TN1EwAhEDJ0dOPzELOiAEDToZMSFpAnQp"
    "QEcBEhJZDBA+PSQAOh8dOSslTEICAQYgCCobODMRTw8XOyAAD0cJDCkrEkgAGC1eMUMvLRsSAB8BMRoXFApIQgAxACJNADQUAgAb"
    "PysnAAENAxgABDJANl1HVSkPYxowbAZSGQUuKwMXAQ=="
)

CENTRE: Final = np.frombuffer(base64.b64decode(_THOUSANDTHS), dtype=np.uint8).astype(np.float32) / 1000.0


def centred(voice: NDArray[np.float32]) -> NDArray[np.float32]:
    """The voice as seen from the centre, of length one.

    None of the encoder's numbers is negative, so two strangers are 0.5 alike in them; from here they are about 0.
    """
    away = voice - CENTRE
    return np.asarray(away / np.linalg.norm(away), dtype=np.float32)
