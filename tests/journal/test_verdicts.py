from detector.journal.verdicts import Verdict, find_standing, settle

CONTENT = "a" * 64


def row(number: int, verdict: str, **fields: object) -> Verdict:
    defaults: dict[str, object] = {
        "action": str(number),
        "detection_id": "d",
        "label": "red" if verdict == "confirmed" else "",
        "undoes": 0,
        "reviewer": "ann",
        "note": "",
        "at": f"2024-01-01T00:00:{number:02}Z",
    }
    chosen = defaults | fields
    return Verdict(
        number=number,
        sha256=CONTENT,
        frame_index=0,
        verdict=verdict,
        left=0.0,
        top=0.0,
        right=0.0,
        bottom=0.0,
        **chosen,  # type: ignore[arg-type]
    )


def test_the_latest_verdict_of_a_reviewer_counts() -> None:
    assert [one.number for one in find_standing([row(1, "confirmed"), row(2, "rejected")])] == [2]


def test_an_undo_brings_the_verdict_before_it_back() -> None:
    rows = [row(1, "confirmed"), row(2, "rejected"), row(3, "undo", detection_id="", undoes=2)]
    assert [one.number for one in find_standing(rows)] == [1]


def test_drawn_boxes_stand_beside_each_other_and_a_checked_frame_counts_once() -> None:
    rows = [row(1, "missed", detection_id=""), row(2, "missed", detection_id="")]
    rows += [row(3, "nothing_else", detection_id=""), row(4, "nothing_else", detection_id="")]
    assert [one.number for one in find_standing(rows)] == [1, 2, 4]


def test_two_reviewers_who_agree_are_both_named() -> None:
    found = settle([row(1, "confirmed", note="clear"), row(2, "confirmed", reviewer="bo", note="yes")])["d"]
    assert (found.verdict, found.verdict_label, found.reviewer) == ("confirmed", "red", "ann; bo")
    assert (found.reviewed_at, found.note) == ("2024-01-01T00:00:02Z", "ann: clear; bo: yes")


def test_reviewers_who_disagree_make_it_disputed() -> None:
    found = settle([row(1, "confirmed"), row(2, "rejected", reviewer="bo")])["d"]
    assert (found.verdict, found.verdict_label) == ("disputed", "")
    assert settle([row(1, "other_flag", label="x"), row(2, "other_flag", label="y", reviewer="bo")])[
        "d"
    ].verdict == ("disputed")


def test_who_cannot_tell_does_not_contradict() -> None:
    rows = [row(1, "confirmed"), row(2, "cannot_tell", reviewer="bo")]
    assert settle(rows)["d"].verdict == "confirmed"
    assert settle(rows)["d"].reviewer == "ann; bo"
    assert settle(rows[1:])["d"].verdict == "cannot_tell"
