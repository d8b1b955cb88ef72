"""Mixin for models that count tokens."""

from __future__ import annotations

from ..interruptible import Interruptible
from ..usage import TokenUsage
from .events import TokenUsageEvent


class UsageReporter(Interruptible):
    """A model whose provider tells for how many tokens it was used."""

    def report_usage(self, usage: TokenUsage, epoch: int | None = None) -> None:
        """Report what a request or a response of `epoch`, by default the current one, was made of."""
        self.events.send(TokenUsageEvent(usage=usage, epoch=self.epoch if epoch is None else epoch))
        if self._attachment is not None and self._attachment.used is not None:
            self._attachment.used(usage)
