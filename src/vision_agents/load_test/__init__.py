"""Load tests: recorded callers who ask, interrupt, cough and hang up, and what they notice of the agents' answers.

Everything is measured at the caller's end, in the sound that comes back.
"""
