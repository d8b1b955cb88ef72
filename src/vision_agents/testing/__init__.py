"""Virtual time, scripted and hostile parts, and contract suites, for tests, benchmarks and the lab.

Nothing in `core`, `plugins` or `cli` imports it; `lab` runs its scenarios on it. `contract` needs pytest.
"""
