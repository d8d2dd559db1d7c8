from detector.pictures import PictureChooser

RED, BLUE = 0, 1


def feed(
    seconds: float, frames: list[tuple[float, dict[int, float]]], *, steps: bool = False
) -> list[float] | list[list[float]]:
    """Times of the frames chosen; with `steps` those that were given out with each frame, and at the end."""
    chooser = PictureChooser[float](seconds)
    out = [
        chooser.offer(time, time, frozenset((label, True) for label in surest), surest)
        for time, surest in frames
    ]
    out.append(chooser.finish())
    return out if steps else [time for one in out for time in one]


def test_the_best_frame_of_each_ten_seconds_is_chosen() -> None:
    frames = [(float(second), {RED: 0.5 + (second % 7) / 100}) for second in range(25)]
    assert feed(10, frames) == [6, 13, 20]


def test_each_change_of_what_is_shown_is_chosen() -> None:
    frames = [(0.0, {RED: 0.9}), (1.0, {RED: 0.8}), (2.0, {RED: 0.5, BLUE: 0.6}), (3.0, {RED: 0.7})]
    assert sorted(feed(10, frames)) == [0, 2]


def test_of_two_flags_each_has_its_best_frame_once() -> None:
    frames = [(0.0, {RED: 0.5, BLUE: 0.9}), (1.0, {RED: 0.9, BLUE: 0.5}), (2.0, {RED: 0.6, BLUE: 0.6})]
    assert sorted(feed(10, frames)) == [0, 1]
    assert feed(10, [(0.0, {RED: 0.5, BLUE: 0.9})]) == [0]


def test_a_frame_is_given_out_as_soon_as_its_stretch_is_over() -> None:
    frames = [(0.0, {RED: 0.6}), (1.0, {RED: 0.5}), (10.0, {RED: 0.9}), (11.0, {BLUE: 0.4})]
    assert feed(10, frames, steps=True) == [[], [], [0], [], [10, 11]]


def test_with_no_time_all_are_chosen_at_once() -> None:
    frames = [(0.0, {RED: 0.6}), (0.1, {RED: 0.5})]
    assert feed(0, frames, steps=True) == [[0], [0.1], []]
