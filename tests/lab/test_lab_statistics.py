import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.lab.statistics import Proportion, spread, wilson


# Published values: Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_against_published_intervals(hits, count, low, high):
    assert wilson(hits, count) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 2000).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_the_interval_holds_the_share_and_mirrors(case):
    hits, count = case
    low, high = wilson(hits, count)
    assert 0.0 <= low <= hits / count <= high <= 1.0
    assert low < high
    assert wilson(count - hits, count) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("hits", "count"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_proportion(hits, count):
    with pytest.raises(ValueError, match="no proportion"):
        wilson(hits, count)


def test_nothing_counted_has_no_value():
    assert Proportion(0, 0).value is None
    assert Proportion(0, 0).interval is None


def test_spread_leaves_out_what_was_not_measured():
    of = spread([None, 0.1, 0.2, 0.3, None])
    assert (of.count, of.p50, of.largest) == (3, pytest.approx(0.2), 0.3)
    assert of.p95 == pytest.approx(0.29)
    assert spread([None]) is None
