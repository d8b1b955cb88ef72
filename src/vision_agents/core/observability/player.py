"""Playing a report's recording from any point of its drawings: the sound in the page, and the script that plays it."""

from __future__ import annotations

import base64
import hashlib
import io
from functools import cache
from importlib.resources import files
from pathlib import Path

from ..audio.files import AudioFileError, map_wav
from .markup import script, tag, text

# A report is to be sent around: it has the sound of up to so many seconds in it, about 1 MB a minute. Of a longer call,
# or without `soundfile`, it plays the file beside it.
EMBEDDED = 600.0

# Seconds of sound that are encoded at a time.
_BLOCK = 5.0


def sound_of(wav: Path, address: str = "") -> str:
    """The address of the recording, for a report; "" if there is none.

    `address`: where the file is to be had, if it is not beside the report.
    """
    try:
        samples, rate = map_wav(wav)
    except AudioFileError:
        return ""
    if len(samples) > EMBEDDED * rate:
        return address or wav.name
    try:
        import soundfile  # deferred: it is an extra
    except ImportError:
        return address or wav.name
    encoded = io.BytesIO()
    step = round(_BLOCK * rate)
    with soundfile.SoundFile(encoded, "w", rate, samples.shape[1], format="OGG", subtype="OPUS") as file:
        for start in range(0, len(samples), step):
            file.write(samples[start : start + step])
    return f"data:audio/ogg;base64,{base64.b64encode(encoded.getvalue()).decode()}"


def player(sound: str) -> str:
    """The player, which stays in view. `sound`: see `sound_of`."""
    audio = tag("audio", id="sound", src=sound, controls="", preload="auto", aria_label="The recording of the call")
    hint = tag(
        "span", text("left the user, right the agent; click into a drawing to hear it from there"), class_="soft"
    )
    return tag("div", audio, hint, class_="player card") + script(_script())


def play(at: float, label: str) -> str:
    """A button that plays from `at` on, in seconds."""
    return tag("button", text(label), type="button", class_="play", data_play=f"{at:.2f}", title="hear it from here")


def policy(*, sounds: bool) -> str:
    """The content security policy of a report: nothing from elsewhere, whatever found its way around the escaping."""
    own = "default-src 'none'; style-src 'unsafe-inline'"
    digest = base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
    return f"{own}; media-src 'self' data: file:; script-src 'sha256-{digest}'" if sounds else own


@cache
def _script() -> str:
    return files(__package__).joinpath("player.js").read_text(encoding="utf-8")
