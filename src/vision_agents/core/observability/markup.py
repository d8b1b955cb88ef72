"""Writing HTML and SVG: everything that is not markup already is escaped."""

from __future__ import annotations

import re
from html import escape

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

# HTML elements that have no content and no end tag.
_VOID = {"meta", "br"}


def text(content: object) -> str:
    """Any text as markup."""
    return escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(content)))


def tag(name: str, /, *children: str, **attributes: object) -> str:
    """An element. `children` are markup. `class_` is written class, `stroke_width` stroke-width; None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{''.join(children)}</{name}>"


def script(code: str) -> str:
    """A script of our own, as it is: it has no text of anybody in it."""
    return f"<script>{code}</script>"


def _value(value: object) -> str:
    # A tenth of a pixel is finer than any screen.
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else text(value)
