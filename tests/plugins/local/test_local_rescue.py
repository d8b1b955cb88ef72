"""Whose call is cut off is called again, once in a while, and is told why if not."""

import os

import pytest

from ...e2e.devtools import chromium, find_chromium

pytestmark = [
    pytest.mark.browser,
    # In CI a browser that is missing is a failure.
    pytest.mark.skipif(
        find_chromium() is None and "CI" not in os.environ, reason="no browser here; on Debian: apt install chromium"
    ),
]

# What the page's own module does in a call that is cut off again and again, by a clock of its own.
CUTS = """(async () => {
  const { Rescue } = await import(new URL("rescue.js", document.baseURI));
  const real = Date.now, done = [];
  let now = 1e12, calls = 0;
  Date.now = () => now;
  const rescue = new Rescue((text) => done.push(text));
  const call = () => calls++;
  const cut = (kept, lasted) => {
    rescue.connected();
    now += lasted * 1000;
    rescue.later(call);
    now += 300_000;  // The server is away for longer than a call has to last.
    rescue.back(kept);
    return [calls, done.splice(0)];
  };
  try {
    return [cut(true, 5), cut(true, 5), cut(true, 90), cut(false, 90), rescue.back(true) ?? [calls, done]];
  } finally {
    Date.now = real;
  }
})()"""


async def test_who_is_cut_off_is_called_again_or_told_why(edge):
    async with chromium() as browser:
        tab = await browser.tab()
        await tab.open(edge.url)
        first, again, later, gone, quiet = await tab.run(CUTS)
        assert tab.console == []
    assert first == [1, ["The connection was cut off: the conversation goes on."]]
    assert again == [
        1,
        ["The connection was cut off again, and the call ended. Press Talk: your conversation goes on."],
    ]
    assert later == [2, ["The connection was cut off: the conversation goes on."]]
    assert gone[0] == 2
    assert "not there any more" in gone[1][0]
    assert quiet == [2, []], "nothing was cut off"
