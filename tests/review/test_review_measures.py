import pytest

from detector.review.measures import cohens_kappa, share, suggest_threshold


def test_the_interval_is_wilsons() -> None:
    # as statsmodels' proportion_confint(method="wilson") gives them
    assert share(8, 10)[2:] == pytest.approx((0.490162, 0.943318), abs=1e-6)
    assert share(0, 10)[2:] == pytest.approx((0.0, 0.277533), abs=1e-6)
    assert share(10, 10)[2:] == pytest.approx((0.722467, 1.0), abs=1e-6)


def test_nothing_seen_says_nothing() -> None:
    assert share(0, 0) == (0, 0, 0.0, 1.0)
    assert share(0, 0).value == 0.0


def test_kappa_is_cohens() -> None:
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4)
    first = ["negative", "positive", "negative", "neutral", "positive"]  # the example of scikit-learn's
    second = ["negative", "positive", "negative", "neutral", "negative"]  # cohen_kappa_score: 0.6875
    assert cohens_kappa(list(zip(first, second, strict=True))) == pytest.approx(0.6875)


def test_agreement_that_chance_explains_is_none() -> None:
    assert cohens_kappa([]) is None
    assert cohens_kappa([("yes", "yes")] * 5) is None


def test_the_suggested_threshold_parts_right_from_wrong() -> None:
    judged = [(0.9 - place / 100, True) for place in range(12)] + [(0.5, False)] * 12
    assert suggest_threshold(judged, 0) == pytest.approx(0.79)


def test_few_verdicts_or_all_of_one_kind_suggest_nothing() -> None:
    assert suggest_threshold([(0.9, True)] * 10 + [(0.5, False)] * 9, 0) is None
    assert suggest_threshold([(0.9, True)] * 50, 0) is None


def test_missed_flags_lower_recall_but_move_no_threshold_between_equal_choices() -> None:
    judged = [(0.9, True)] * 10 + [(0.6, True)] * 2 + [(0.5, False)] * 10
    assert suggest_threshold(judged, 0) == suggest_threshold(judged, 5) == 0.6
