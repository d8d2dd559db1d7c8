import numpy as np
import pytest

from detector.events import CLOSER_STEPS, MAX_CLOSER_FRAMES, find_spells, gap_seconds, spans_to_look_closer


def spells(times: list[float], gap: float) -> list[tuple[int, int]]:
    seen = np.arange(0, 10, 0.1)
    return [(spell.first, spell.last) for spell in find_spells(np.array(times), seen, gap)]


def spans(times: list[float], confidence: list[float], every: float = 1.0) -> list[tuple[float, float]]:
    hits = np.array(times)
    seen = np.concatenate([hits - every, hits, hits + every])
    return spans_to_look_closer(hits, np.array(confidence, np.float32), seen, every)


def test_a_closer_look_reaches_to_the_next_frame_without_the_flag() -> None:
    seen = np.array([0.1, 1.9, 2.1, 3.2, 4.9, 5.0])
    hits = np.array([2.1, 3.2])
    found = spans_to_look_closer(hits, np.array([0.9, 0.8], np.float32), seen, 1.0)
    assert [bound for span in found for bound in span] == pytest.approx([1.6, 2.6, 3.2, 4.9])


def test_a_pause_longer_than_the_gap_begins_a_new_spell() -> None:
    assert spells([0, 1, 3, 5.1, 6], 2) == [(0, 2), (3, 4)]
    assert spells([4], 2) == [(0, 0)]
    assert spells([], 2) == []


def test_a_spell_goes_on_where_nothing_else_was_looked_at() -> None:
    stills = np.arange(0, 300, 30, dtype=np.float64)
    assert [(one.first, one.last) for one in find_spells(stills, stills, 2)] == [(0, 9)]
    without = np.delete(stills, 4)
    assert [(one.first, one.last) for one in find_spells(without, stills, 2)] == [(0, 3), (4, 8)]


def test_the_gap_is_two_samples_but_never_less_than_a_second() -> None:
    assert gap_seconds(np.array([0.0, 1.0]), 1.0) == 2
    assert gap_seconds(np.array([0.0, 0.04, 0.08]), 0) == 1
    assert gap_seconds(np.array([0.0, 8.0, 16.0]), 0) == 16  # key frames
    assert gap_seconds(np.array([3.0]), 0) == 1


def test_the_neighbourhood_of_begin_end_and_best_frame_is_looked_at() -> None:
    assert spans([5, 6, 7, 8, 9], [0.8, 0.8, 0.9, 0.8, 0.8]) == [(4, 5), (6.5, 7.5), (9, 10)]


def test_nothing_before_the_start_of_a_video_is_asked_for() -> None:
    assert spans([0.2], [0.9]) == [(0, 1.2)]


def test_frames_in_any_order_give_the_same_spans() -> None:
    assert spans([9, 5, 7], [0.5, 0.6, 0.7]) == spans([5, 7, 9], [0.6, 0.7, 0.5])


def test_the_closer_look_is_bounded_and_goes_to_the_surest_events() -> None:
    times = [10.0 * number for number in range(1, 500)]
    sure = np.linspace(0.5, 0.9, len(times)).tolist()
    found = spans(times, sure)
    assert sum(end - start for start, end in found) * CLOSER_STEPS <= MAX_CLOSER_FRAMES
    assert found[-1] == pytest.approx((times[-1] - 1, times[-1] + 1))
    assert found[0][0] > times[200]
