"""ONNX sessions the way a voice agent wants them: one thread each, and no spinning.

Two or three models share two cores here. A second thread per model makes all of them slower under load, and
onnxruntime's default of spinning while idle burns a whole core between two windows.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

_ERRORS_ONLY = 3


def require_onnxruntime(extra: str) -> None:
    """Raise `ImportError` naming the extra to install if onnxruntime is missing. Does not import it."""
    if find_spec("onnxruntime") is None:
        raise ImportError(f'onnxruntime is not installed. Run: pip install "vision-agents[{extra}]"')


def open_session(path: Path | str, *, extra: str) -> Any:
    """Load an .onnx or .ort file as an `onnxruntime.InferenceSession`. Blocks: call it outside the event loop.

    Raises ImportError (onnxruntime missing), FileNotFoundError, or RuntimeError (not a model onnxruntime can read).
    """
    require_onnxruntime(extra)
    import onnxruntime

    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"There is no model file {file}. Run: vision-agents models pull")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise RuntimeError(
            f"onnxruntime cannot load {file}: {error}. Check it with: vision-agents models verify"
        ) from error
