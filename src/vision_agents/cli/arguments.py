"""Arguments that more than one command has."""

from __future__ import annotations

import argparse


def port(value: str) -> int:
    """A port, 0 for any free one. Raises ArgumentTypeError for what is none."""
    number = int(value) if value.isdecimal() else -1
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{value} is not a port: take a number from 1024 to 65535, or 0 for any")
    return number
