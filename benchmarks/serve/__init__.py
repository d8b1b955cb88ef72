"""A server under load: how many calls it takes, and what those calls, and those it refuses, notice of it."""
