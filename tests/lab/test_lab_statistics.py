import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.lab.statistics import Proportion, quantile_interval, ratio, spread, wilson


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


def test_the_interval_of_a_median_is_that_of_the_tables():
    # n = 10: ranks 2 and 9; n = 20: 6 and 15 (any table of the sign test).
    assert quantile_interval(range(1, 11), 0.5) == (2, 9)
    assert quantile_interval(range(1, 21), 0.5) == (6, 15)
    assert quantile_interval([3.0], 0.5) == (3.0, 3.0)


@pytest.mark.parametrize(("quantile", "count"), [(0.5, 12), (0.5, 60), (0.95, 200)])
def test_an_interval_of_a_quantile_holds_it_19_times_of_20(quantile, count):
    rng = np.random.default_rng(1)
    draws = [quantile_interval(list(rng.random(count)), quantile) for _ in range(1000)]
    # The bound is 0.95; of 1000 draws at 0.95 three standard deviations are 0.02.
    assert np.mean([low <= quantile <= high for low, high in draws]) > 0.93


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.sampled_from([0.5, 0.95]))
def test_an_interval_lies_within_the_values_around_the_quantile(values, quantile):
    low, high = quantile_interval(values, quantile)
    assert min(values) <= low <= high <= max(values)


def test_a_ratio_is_of_sums():
    found = ratio([(1, 10), (0, 10), (2, 20), (0, 10)])
    assert found.value == 3 / 50
    assert 0.0 <= found.low < 3 / 50 < found.high
    assert found.count == 4


def test_no_error_is_not_certainly_none():
    found = ratio([(0, 10)] * 30)
    assert (found.value, found.low, found.high) == (0.0, 0.0, pytest.approx(0.01))
    assert ratio([]) is None
    assert ratio([(0, 0)]) is None
