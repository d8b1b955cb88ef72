"""ONNX sessions the way a voice agent wants them: one thread each, and no spinning.

Two or three models share two cores here. A second thread per model makes all of them slower under load, and
onnxruntime's default of spinning while idle burns a whole core between two windows.

onnxruntime itself is imported when the first session is opened. Its official builds send telemetry to their maker
unless they are told not to before they are imported: this module does so, if the environment says nothing.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

ERRORS_ONLY, FATAL_ONLY = 3, 4
"""Severities from which onnxruntime writes to the standard error."""

_INT16_SCALE = np.float32(1 / 32768)


def require_onnxruntime(extra: str) -> None:
    """Raise `ImportError` naming the extra to install if onnxruntime is missing. Does not import it."""
    if find_spec("onnxruntime") is None:
        raise ImportError(f'onnxruntime is not installed. Run: pip install "interruptible-agents[{extra}]"')


def open_session(model: Path | str | bytes, *, extra: str, severity: int = ERRORS_ONLY) -> Any:
    """Load an .onnx or .ort file, or the content of one, as an `onnxruntime.InferenceSession`. Blocks: use a thread.

    Args:
        model: the file's path, or its content.
        extra: the extra of this package that brings onnxruntime, for the error.
        severity: of the messages that onnxruntime writes to the standard error.

    Raises:
        ImportError: onnxruntime is not installed.
        FileNotFoundError: there is no such file.
        RuntimeError: it is not a model that onnxruntime can read.
    """
    require_onnxruntime(extra)
    import onnxruntime

    content: str | bytes = model if isinstance(model, bytes) else str(model)
    where = f"a model of {len(model)} bytes" if isinstance(model, bytes) else content
    if isinstance(content, str) and not Path(content).is_file():
        raise FileNotFoundError(f"There is no model file {content}. Run: vision-agents models pull")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = severity
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise RuntimeError(
            f"onnxruntime cannot load {where!s}: {error}. Check it with: vision-agents models verify"
        ) from error


def to_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Mono int16 or float samples as finite float32 in -1..1 (a new array, or the same one if it already is that).

    NaN becomes silence, values out of range are clipped. Raises TypeError for other sample types, ValueError for more
    than one dimension.
    """
    if samples.ndim != 1:
        raise ValueError(f"Expected mono samples in one dimension, got an array of shape {samples.shape}.")
    if samples.dtype == np.int16:
        scaled: NDArray[np.float32] = samples * _INT16_SCALE
        return scaled
    if not np.issubdtype(samples.dtype, np.floating):
        raise TypeError(f"Expected int16 or float samples, got {samples.dtype}.")
    with np.errstate(over="ignore"):
        single = samples.astype(np.float32, copy=False)
    # max() and min() are NaN if anything is: one comparison finds both dirt and clipping.
    if single.size and not (single.max() <= 1.0 and single.min() >= -1.0):
        single = np.clip(np.nan_to_num(single, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    return single
