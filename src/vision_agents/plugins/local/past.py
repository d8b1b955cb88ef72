"""The past of a conversation, for pages that are opened in the middle of it."""

from __future__ import annotations

from .protocol import Record

# Records that are kept: about a quarter of an hour of a lively call. Beyond it the oldest go.
LIMIT = 1000


class Past:
    """The records that pages were shown, without those that later ones have replaced.

    A transcript that grows is told again and again. Its first record is kept, for its place, and its last.
    """

    def __init__(self) -> None:
        self._records: dict[tuple[object, ...], Record] = {}
        self._count = 0
        self._turns: dict[object, int] = {}

    @property
    def records(self) -> list[Record]:
        """The records that are kept, in their order."""
        return list(self._records.values())

    def put(self, record: Record) -> None:
        """Keep a record."""
        if not {"event", "effect", "note"} & record.keys():
            return  # A state is of the moment.
        self._count += 1
        growing = self._growing(record)
        if growing is None or (*growing, "first") not in self._records:
            key = (self._count,) if growing is None else (*growing, "first")
        else:
            key = (*growing, "last")
            self._records.pop(key, None)
        self._records[key] = record
        if len(self._records) > LIMIT:
            del self._records[next(iter(self._records))]
        if record.get("effect") in ("RecordTurn", "DiscardTurn"):
            self._turns[record.get("participant")] = self._count

    def _growing(self, record: Record) -> tuple[object, ...] | None:
        """The thing of which the record tells the newest state."""
        match record.get("note"):
            case "AgentTranscript":
                return "reply", record.get("reply")
            case "UserTranscript":
                participant = record.get("participant")
                return "turn", participant, self._turns.get(participant, 0)
        return None
