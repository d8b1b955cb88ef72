"""The trace of a call: typed records, read and replayed."""

from . import notes
from .codec import TraceError
from .files import read_trace
from .notes import VERSION
from .records import Record, encode_record, read_record, read_records
from .replay import Difference, recorded_floor, recorded_policy, replay
from .trace import Observer, Trace

__all__ = [
    "VERSION",
    "Difference",
    "Observer",
    "Record",
    "Trace",
    "TraceError",
    "encode_record",
    "notes",
    "read_record",
    "read_records",
    "read_trace",
    "recorded_floor",
    "recorded_policy",
    "replay",
]
