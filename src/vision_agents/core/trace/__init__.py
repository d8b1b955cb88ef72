"""The trace of a call: typed records, written, read and replayed."""

from . import notes
from .codec import TraceError
from .files import TraceWriter, read_trace
from .records import Record, encode_record, read_record, read_records
from .replay import Difference, recorded_floor, recorded_policy, replay
from .trace import VERSION, Observer, Trace

__all__ = [
    "VERSION",
    "Difference",
    "Observer",
    "Record",
    "Trace",
    "TraceError",
    "TraceWriter",
    "encode_record",
    "notes",
    "read_record",
    "read_records",
    "read_trace",
    "recorded_floor",
    "recorded_policy",
    "replay",
]
