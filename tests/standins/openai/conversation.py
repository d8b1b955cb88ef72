"""The record of a realtime session: items in order, and how much audio each has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import Refusal, of_type, one_of, only, required

Json = dict[str, Any]

# Content that each role may have.
_CONTENT = {"user": {"input_text", "input_audio"}, "system": {"input_text"}, "assistant": {"output_text"}}


class Conversation:
    """Items by their ids, in their order. `audio_ms` is the length of an assistant's audio; `numbers`: of new ids."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self.items: dict[str, Json] = {}
        self.audio_ms: dict[str, float] = {}
        self.truncated_ms: dict[str, int] = {}
        self._numbers = numbers

    def new_id(self, kind: str = "item") -> str:
        """An id that is not used yet."""
        return f"{kind}_{next(self._numbers)}"

    def add(self, item: Json) -> str | None:
        """Add an item; return the id of the one before it."""
        before = next(reversed(self.items), None)
        self.items[item["id"]] = item
        return before

    def create(self, event: Json) -> Json:
        """Check and complete an item of the client's."""
        required(event, "item")
        item = event["item"]
        required(item, "type", where="item.")
        match item["type"]:
            case "message":
                only(item, "id", "type", "role", "content", "status", where="item.")
                required(item, "role", "content", where="item.")
                one_of(item["role"], *_CONTENT, where="item.role")
                self._check_content(item)
            case "function_call_output":
                only(item, "id", "type", "call_id", "output", where="item.")
                required(item, "call_id", "output", where="item.")
                of_type(item["output"], str, "item.output")
                if not any(known.get("call_id") == item["call_id"] for known in self.items.values()):
                    raise Refusal(400, f"Tool call ID '{item['call_id']}' not found in conversation.", param="item")
            case other:
                one_of(other, "message", "function_call_output", where="item.type")
        if item.get("id") in self.items:
            raise Refusal(400, f"Item with item_id '{item['id']}' already exists.", code="item_create_duplicate")
        return {"id": self.new_id(), "object": "realtime.item", "status": "completed", **item}

    @staticmethod
    def _check_content(item: Json) -> None:
        of_type(item["content"], list, "item.content")
        for number, part in enumerate(item["content"]):
            where = f"item.content[{number}]."
            required(part, "type", where=where)
            one_of(part["type"], *_CONTENT[item["role"]], where=f"{where}type")
            required(part, "audio" if part["type"] == "input_audio" else "text", where=where)

    def truncate(self, event: Json) -> None:
        """Cut an assistant's audio, and forget its words."""
        required(event, "item_id", "content_index", "audio_end_ms")
        of_type(event["audio_end_ms"], int, "audio_end_ms")
        item, end = self._known(event["item_id"], "truncate"), event["audio_end_ms"]
        if item.get("role") != "assistant" or item["id"] not in self.audio_ms:
            raise Refusal(400, "Only model output audio messages can be truncated.", code="item_truncate_invalid_item")
        if event["content_index"] != 0:
            raise Refusal(400, "Content index out of range.", code="invalid_value", param="content_index")
        length = self.audio_ms[item["id"]]
        if not 0 <= end <= length:
            text = f"Audio content of {length:.0f}ms is already shorter than {end}ms"
            raise Refusal(400, text, code="invalid_value", param="audio_end_ms")
        self.truncated_ms[item["id"]] = end
        self.audio_ms[item["id"]] = end
        item["content"] = [{"type": "output_audio", "transcript": None}]

    def delete(self, event: Json) -> None:
        """Forget an item."""
        required(event, "item_id")
        del self.items[self._known(event["item_id"], "delete")["id"]]

    def _known(self, item_id: str, what: str) -> Json:
        if item_id not in self.items:
            text = f"Error: item with item_id '{item_id}' not found."
            raise Refusal(400, text, code=f"item_{what}_invalid_item_id", param="item_id")
        return self.items[item_id]
