"""Perceptual hashes, clusters of copies, and clips that videos share."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.copies.clusters import MAX_DISTANCE, find_clusters
from detector.copies.cuts import WINDOWS, hash_windows, read_windows
from detector.copies.hashes import (
    HASH_BYTES,
    MIN_QUALITY,
    PictureHash,
    distances,
    find_inner,
    find_luma,
    hash_picture,
    hash_whole_and_inside,
)
from detector.copies.overlaps import MAX_HUBS, Overlap, find_overlaps

Bits = NDArray[np.uint8]

# Of `waves(seed, height, width)` by pdqhash 0.2.8, which wraps PDQ's reference code: hash, hash of the mirror
# image, quality.
REFERENCE = [
    (
        *(1, 512, 512),
        "fc4ef4e35c4efde3544ea054ff05009da8d1fa4d5d82a8e8027301fed423af46",
        "f91ba5b6591babb6011b5501aa5055d8fd84ae1808d7fdad572654ab8376fa12",
        100,
    ),
    (
        *(2, 480, 640),
        "af65f35baf65fb5bfe05510e091ffb30fe0044e6ad54f844529144e851ca0695",
        "fa32ee4ffa30ee0eab70047b5c4aae65bb5551b3f801ad1107c411bd049ff3c0",
        100,
    ),
    (
        *(3, 64, 64),
        "fb0ff045db0af0455b0aad45a3ecec7aa315567e542a04aefd24f90153b4aa9a",
        "4e5f05104e5f05100e5ff810f6b9b92ff640032b017f51fba871ac5406f1ffcf",
        100,
    ),
    (
        *(4, 300, 200),
        "52f056a752f056a752f006e7af25fe0606a55e5af41f03fda92d0161fcd0a999",
        "c7a543f287a543f287a503b252f2ab53d7e1030f035af6a8fc785434ab85a9cd",
        87,
    ),
    (
        *(5, 97, 1000),
        "f78dd2b9d78d52bd02adf806f902a51eefb2afc1537605c20878f20a8570ad5a",
        "06d807ec07d807e857d8ad53f857504bfae7fa94042350975d2da75f5025f80f",
        100,
    ),
    (
        *(6, 5, 9),
        "06bf9e2c69c061dbdb658e3d162d71c22c9a9e24063f8e2c79c061dbd3658e3d",
        "53eacb793c95348e8e30db688278249779cfca71d36acb792c95348e8630db68",
        0,  # 58 there; its waves are too flat
    ),
    (
        *(7, 1500, 2000),
        "1aa106fc1aa116fcbaa81676fd20a99352db50b2ad5404fdaddcf279542baf15",
        "aff403abaff403a9affd4323a875fcc6078e05e7f80151a8f888a72c017efa40",
        90,
    ),
]


def waves(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """A colourful picture of plane waves."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    rows /= height
    columns /= width
    image = np.zeros((height, width, 3))
    for channel in range(3):
        for _ in range(12):
            across, down, phase = rng.uniform(-6, 6), rng.uniform(-6, 6), rng.uniform(0, 6.28)
            wave = np.sin(2 * np.pi * (across * columns + down * rows) + phase)
            image[..., channel] += rng.uniform(4, 16) * wave
    return np.clip(image + 128, 0, 255).astype(np.uint8)


def bits_apart(first: bytes, second: bytes) -> int:
    return (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_count()


def random_hashes(rng: np.random.Generator, count: int) -> Bits:
    return rng.integers(0, 256, (count, HASH_BYTES), np.uint8)


def flip_bits(hashes: Bits, rng: np.random.Generator, count: int) -> Bits:
    """The hashes with exactly this many bits of each flipped."""
    chosen = np.argsort(rng.random((len(hashes), 8 * HASH_BYTES)), axis=1) < count
    return hashes ^ np.packbits(chosen, axis=1)


def clusters_by_brute_force(hashes: Bits, mirrored: Bits, usable: NDArray[np.bool_], limit: int) -> list[int]:
    labels = list(range(len(hashes)))
    for i in range(len(hashes)):
        for j in range(i):
            near = min(
                bits_apart(hashes[i].tobytes(), hashes[j].tobytes()),
                bits_apart(mirrored[i].tobytes(), hashes[j].tobytes()),
                bits_apart(hashes[i].tobytes(), mirrored[j].tobytes()),
            )
            if usable[i] and usable[j] and near <= limit and labels[i] != labels[j]:
                old, new = max(labels[i], labels[j]), min(labels[i], labels[j])
                labels = [new if label == old else label for label in labels]
    return labels


# Hashes


@pytest.mark.parametrize(("seed", "height", "width", "bits", "mirrored_bits", "quality"), REFERENCE)
def test_hashes_are_those_of_the_reference_code(
    seed: int, height: int, width: int, bits: str, mirrored_bits: str, quality: int
) -> None:
    found = hash_picture(waves(seed, height, width))
    thinned = max(height, width) >= 1024
    assert bits_apart(found.bits, bytes.fromhex(bits)) <= (4 if thinned else 0)
    assert bits_apart(found.mirrored_bits, bytes.fromhex(mirrored_bits)) <= (4 if thinned else 0)
    assert found.quality == quality


def test_the_mirror_image_has_the_two_hashes_exchanged() -> None:
    image = waves(8, 240, 320)
    found, turned = hash_picture(image), hash_picture(np.ascontiguousarray(image[:, ::-1]))
    assert (turned.bits, turned.mirrored_bits) == (found.mirrored_bits, found.bits)
    assert bits_apart(found.bits, found.mirrored_bits) > MAX_DISTANCE


def test_a_hash_does_not_depend_on_how_the_picture_lies_in_memory() -> None:
    image = waves(9, 200, 300)
    padded = np.zeros((400, 600, 3), np.uint8)
    padded[::2, ::2] = image
    assert hash_picture(padded[::2, ::2]) == hash_picture(image) == hash_picture(image.copy(order="F"))


def test_a_smaller_and_coarser_copy_has_nearly_the_same_hash() -> None:
    image = waves(10, 900, 1200)
    copy = image[::3, ::3] // 16 * 16
    assert bits_apart(hash_picture(image).bits, hash_picture(copy).bits) <= MAX_DISTANCE


def test_different_pictures_have_hashes_far_apart() -> None:
    found = [hash_picture(waves(seed, 120, 160)).bits for seed in range(20)]
    assert min(bits_apart(a, b) for a in found for b in found if a is not b) > 2 * MAX_DISTANCE


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_plain_picture_has_no_quality(value: int) -> None:
    assert hash_picture(np.full((300, 400, 3), value, np.uint8)).quality == 0


def test_a_picture_with_one_small_spot_is_below_the_quality_gate() -> None:
    image = np.full((512, 512, 3), 255, np.uint8)
    image[200:240, 200:240] = 0
    assert 0 < hash_picture(image).quality < MIN_QUALITY


@pytest.mark.parametrize("axis", [0, 1])
def test_a_drawn_flag_of_straight_stripes_has_no_quality(axis: int) -> None:
    colours = np.array([(0, 152, 195), (224, 0, 52), (0, 174, 101)], np.uint8)
    image = colours.repeat(100, axis=0)[:, None].repeat(400, axis=1)
    assert hash_picture(image if axis == 0 else image.swapaxes(0, 1)).quality == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (4, 400)])
def test_a_picture_too_small_to_hash_has_the_zero_hash_without_quality(shape: tuple[int, int]) -> None:
    zero = bytes(HASH_BYTES)
    assert hash_picture(np.full((*shape, 3), 200, np.uint8)) == PictureHash(zero, zero, 0)


def test_a_long_narrow_picture_is_hashed() -> None:
    assert hash_picture(waves(11, 5, 5000)).bits != bytes(HASH_BYTES)


def test_grey_and_its_three_equal_channels_give_the_brightness_hash() -> None:
    grey = waves(12, 200, 200)[..., :1]
    darker = (grey // 2).repeat(3, axis=2)
    assert bits_apart(hash_picture(grey.repeat(3, axis=2)).bits, hash_picture(darker).bits) <= 10


def test_a_photo_of_12_megapixels_is_thinned_before_anything_else() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), np.uint8)
    tracemalloc.start()
    hash_picture(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24_000_000  # bytes; its brightness alone would be 48 million


def test_distances_count_differing_bits() -> None:
    zero, one, ones = bytes(HASH_BYTES), bytes([1] + [0] * (HASH_BYTES - 1)), b"\xff" * HASH_BYTES
    rows = np.frombuffer(zero + one + ones, np.uint8).reshape(3, HASH_BYTES)
    assert distances(rows, rows[:1]).tolist() == [0, 1, 256]


@pytest.mark.parametrize(("height", "width"), [(300, 400), (511, 97), (5, 300)])
def test_each_window_has_the_hash_that_its_part_has_as_a_picture(height: int, width: int) -> None:
    image = waves(13, height, width)
    found = read_windows([hash_windows(find_luma(image))])[0]
    for (left, top, across, down), bits in zip(WINDOWS, found, strict=True):
        rows = slice(round(top * height), round((top + down) * height))
        part = image[rows, round(left * width) : round((left + across) * width)]
        assert hash_picture(part).bits == bits.tobytes()


def test_a_thinned_picture_has_the_brightness_of_the_pixels_in_the_middle_of_its_steps() -> None:
    image = np.random.default_rng(15).integers(0, 256, (1029, 1540, 3), np.uint8)
    expected = image[1::2, 1::3].astype(float) @ (0.299, 0.587, 0.114)
    assert np.abs(find_luma(image) - expected).max() < 1e-3


# What is inside bars


@pytest.mark.parametrize("bar", [0, 255])
def test_bars_above_and_below_are_left_out(bar: int) -> None:
    image = waves(16, 300, 400)
    framed = np.pad(image, ((60, 20), (0, 0), (0, 0)), constant_values=bar)
    assert np.array_equal(find_inner(framed), image)


def test_what_is_around_a_picture_on_a_screen_is_left_out() -> None:
    image = waves(17, 400, 300)
    screen = np.pad(image, ((200, 300), (100, 100), (0, 0)), constant_values=255)
    screen[:40] = 0  # the status line
    screen[100:150, 40:90] = 90  # a portrait
    screen[650:660, 40:240:3] = 0  # words
    assert np.array_equal(find_inner(screen), image)


def test_a_large_picture_loses_its_bars_to_within_a_step() -> None:
    framed = np.pad(waves(18, 1500, 2000), ((300, 300), (0, 0), (0, 0)))
    inner = find_inner(framed)
    assert inner.shape[1] == 2000
    assert abs(inner.shape[0] - 1500) <= 8


def test_a_picture_without_bars_is_whole() -> None:
    image = waves(19, 300, 400)
    assert find_inner(image) is image or np.array_equal(find_inner(image), image)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (300, 400)])
def test_a_plain_picture_is_whole(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 7, np.uint8)
    assert find_inner(image).shape == image.shape


def test_a_small_thing_on_a_plain_ground_is_not_cut_out() -> None:
    image = np.full((400, 400, 3), 255, np.uint8)
    image[180:220, 180:220] = waves(20, 40, 40)
    assert find_inner(image).shape == image.shape


def test_a_picture_without_bars_has_one_hash_for_whole_and_inside() -> None:
    image = waves(23, 300, 400)
    assert hash_whole_and_inside(image, find_luma(image)) == (hash_picture(image), hash_picture(image))


@pytest.mark.parametrize(("bar", "counts"), [(100, True), (350, False)])
def test_a_whole_picture_counts_only_where_it_is_more_than_its_margins(bar: int, counts: bool) -> None:
    image = waves(24, 300, 400)
    framed = np.pad(image, ((bar, 0), (0, 0), (0, 0)), constant_values=255)
    whole, inside = hash_whole_and_inside(framed, find_luma(framed))
    assert inside == hash_picture(image)
    assert whole.bits == hash_picture(framed).bits
    assert (whole.quality >= MIN_QUALITY) is counts


# Clusters


@pytest.fixture(params=["few", "many"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few hashes are compared each with each, many are looked up."""
    if request.param == "many":
        monkeypatch.setattr("detector.copies.clusters.FEW_TO_JOIN", 0)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("max_distance", [0, 7, 15, 16, 31])
def test_clusters_are_those_of_a_comparison_of_all_pairs(max_distance: int) -> None:
    rng = np.random.default_rng(max_distance)
    seeds, turned = random_hashes(rng, 12), random_hashes(rng, 12)
    family = rng.integers(0, 12, 200)
    hashes, mirrored = seeds[family], turned[family]
    for row in range(200):
        hashes[row] = flip_bits(hashes[row : row + 1], rng, int(rng.integers(0, 20)))[0]
        mirrored[row] = flip_bits(mirrored[row : row + 1], rng, int(rng.integers(0, 20)))[0]
    swap = rng.random(200) < 0.3
    hashes[swap], mirrored[swap] = mirrored[swap], hashes[swap]
    usable = rng.random(200) < 0.9
    found = find_clusters(hashes, mirrored, usable=usable, max_distance=max_distance)
    expected = clusters_by_brute_force(hashes, mirrored, usable, max_distance)
    assert found.tolist() == expected
    assert 12 < len(set(expected)) < 200 or max_distance == 31


@pytest.mark.parametrize("apart", range(26, 34))
def test_pairs_are_joined_up_to_the_limit_and_not_beyond(apart: int) -> None:
    rng = np.random.default_rng(apart)
    first = random_hashes(rng, 400)
    hashes = np.concatenate([first, flip_bits(first, rng, apart)])
    labels = find_clusters(hashes, random_hashes(rng, 800), usable=np.ones(800, np.bool_))
    joined = np.arange(400) if apart <= MAX_DISTANCE else np.arange(400, 800)
    assert labels.tolist() == [*range(400), *joined.tolist()]


@pytest.mark.usefixtures("either_way")
def test_bits_that_differ_evenly_over_the_chunks_are_found() -> None:
    first = np.zeros((1, HASH_BYTES), np.uint8)
    second = first.copy()
    second[0, :] = 1  # two bits in each chunk but one: no chunk is equal
    second[0, 5] = 0
    hashes = np.concatenate([first, second])
    far = np.full((2, HASH_BYTES), 0xF0, np.uint8)
    assert distances(first, second).tolist() == [31]
    assert find_clusters(hashes, far, usable=np.ones(2, np.bool_)).tolist() == [0, 0]


@pytest.mark.usefixtures("either_way")
def test_mirrored_copies_are_in_one_cluster() -> None:
    image = waves(13, 300, 400)
    found = [hash_picture(picture) for picture in (image, waves(14, 300, 400), image[:, ::-1])]
    assert cluster(found).tolist() == [0, 1, 0]


def cluster(found: list[PictureHash]) -> NDArray[np.int64]:
    hashes = np.array([list(each.bits) for each in found], np.uint8)
    mirrored = np.array([list(each.mirrored_bits) for each in found], np.uint8)
    usable = np.array([each.quality >= MIN_QUALITY for each in found])
    return find_clusters(hashes, mirrored, usable=usable)


@pytest.mark.usefixtures("either_way")
def test_several_hashes_of_a_picture_are_in_its_cluster() -> None:
    image = waves(21, 300, 400)
    framed = np.pad(image, ((100, 0), (0, 0), (0, 0)), constant_values=255)
    found = [hash_picture(each) for each in (waves(22, 300, 400), framed, image, find_inner(framed))]
    hashes = np.array([list(each.bits) for each in found], np.uint8)
    mirrored = np.array([list(each.mirrored_bits) for each in found], np.uint8)
    numbers = np.array([30, 10, 20, 10])
    labels = find_clusters(hashes, mirrored, usable=np.ones(4, np.bool_), pictures=numbers)
    assert labels.tolist() == [0, 1, 1, 1]
    unusable = np.array([True, True, True, False])
    assert find_clusters(hashes, mirrored, usable=unusable, pictures=numbers).tolist() == [0, 1, 2, 3]


@pytest.mark.usefixtures("either_way")
def test_plain_pictures_of_one_hash_stay_alone() -> None:
    plain = [hash_picture(np.full((60, 80, 3), value, np.uint8)) for value in (0, 0, 255)]
    assert plain[0].bits == plain[1].bits
    assert cluster([hash_picture(waves(15, 60, 80)), *plain]).tolist() == [0, 1, 2, 3]


def test_no_pictures_have_no_clusters() -> None:
    empty = np.empty((0, HASH_BYTES), np.uint8)
    assert find_clusters(empty, empty, usable=np.empty(0, np.bool_)).tolist() == []


def test_a_distance_the_search_cannot_promise_is_refused() -> None:
    empty = np.empty((0, HASH_BYTES), np.uint8)
    with pytest.raises(ValueError, match="max_distance 32"):
        find_clusters(empty, empty, usable=np.empty(0, np.bool_), max_distance=32)


@pytest.mark.parametrize("noise", [0, 8])
def test_a_giant_cluster_costs_neither_its_square_in_memory_nor_in_time(noise: int) -> None:
    rng = np.random.default_rng(noise)
    hashes, mirrored = random_hashes(rng, 30_000), random_hashes(rng, 30_000)
    hashes[:20_000] = flip_bits(hashes[:1].repeat(20_000, axis=0), rng, noise)
    mirrored[:20_000] = flip_bits(mirrored[:1].repeat(20_000, axis=0), rng, noise)
    hashes[:9_000], mirrored[:9_000] = mirrored[:9_000].copy(), hashes[:9_000].copy()
    tracemalloc.start()
    labels = find_clusters(hashes, mirrored, usable=np.ones(30_000, np.bool_))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert labels.tolist() == [*[0] * 20_000, *range(20_000, 30_000)]
    assert peak < 200_000_000  # bytes; the pairs alone would be 3 GB


# Videos


def shoot(seed: int, seconds: int) -> list[PictureHash]:
    """The frames of a clip, one a second, each another picture."""
    return [hash_picture(waves(1000 * seed + second, 90, 120)) for second in range(seconds)]


def overlaps(*videos: list[PictureHash]) -> list[Overlap]:
    frames = [frame for video in videos for frame in video]
    return find_overlaps(
        np.array([list(frame.bits) for frame in frames], np.uint8).reshape(-1, HASH_BYTES),
        np.array([list(frame.mirrored_bits) for frame in frames], np.uint8).reshape(-1, HASH_BYTES),
        np.array([number for number, video in enumerate(videos) for _ in video], np.int64),
        np.array([float(second) for video in videos for second in range(len(video))]),
        usable=np.array([frame.quality >= MIN_QUALITY for frame in frames], np.bool_),
    )


def test_a_clip_inside_another_video_is_found_with_its_place() -> None:
    clip = shoot(1, 6)
    found = overlaps(clip, shoot(2, 8), shoot(3, 4) + clip[1:5] + shoot(4, 3))
    assert found == [Overlap(0, 2, 3.0, 1.0, 4.0, 4)]


def test_a_mirrored_clip_is_found() -> None:
    clip = shoot(1, 5)
    mirrored = [PictureHash(frame.mirrored_bits, frame.bits, frame.quality) for frame in clip]
    assert overlaps(clip, mirrored) == [Overlap(0, 1, 0.0, 0.0, 4.0, 5)]


def test_two_shared_pictures_are_no_clip() -> None:
    assert overlaps(shoot(1, 2) + shoot(2, 5), shoot(1, 2) + shoot(3, 5)) == []


def test_the_same_pictures_at_other_distances_in_time_are_no_clip() -> None:
    a, b, c = shoot(1, 3)
    assert overlaps([a, *shoot(2, 9), b, *shoot(3, 9), c], [c, *shoot(4, 9), b, *shoot(5, 9), a]) == []


def test_a_standing_picture_does_not_join_videos() -> None:
    title = shoot(1, 1) * 20
    assert overlaps(title + shoot(2, 5), title + shoot(3, 5), title) == []


def test_black_frames_do_not_join_videos() -> None:
    black = [hash_picture(np.zeros((90, 120, 3), np.uint8))] * 20
    assert overlaps(black + shoot(2, 3), shoot(3, 3) + black, black) == []


def test_two_pictures_taking_turns_are_no_clip() -> None:
    a, b = shoot(1, 2)
    assert overlaps([a, b] * 6, [a, b] * 6) == []


def test_a_clip_is_found_around_a_standing_picture() -> None:
    title = shoot(1, 1)
    found = overlaps(shoot(2, 2) + title * 8 + shoot(3, 2), shoot(2, 2) + title * 8 + shoot(3, 2))
    assert [(one.first, one.second, one.offset_seconds, one.frames) for one in found] == [(0, 1, 0.0, 5)]


def test_videos_need_not_come_in_order_of_time() -> None:
    clip = [hash_picture(waves(seed, 90, 120)) for seed in range(4)]
    hashes = np.array([list(frame.bits) for frame in clip * 2], np.uint8)
    mirrored = np.array([list(frame.mirrored_bits) for frame in clip * 2], np.uint8)
    mix = np.random.default_rng(0).permutation(8)
    video, seconds = np.repeat([7, 5], 4)[mix], np.array([0.0, 1, 2, 3, 10, 11, 12, 13])[mix]
    found = find_overlaps(hashes[mix], mirrored[mix], video, seconds, usable=np.ones(8, np.bool_))
    assert found == [Overlap(5, 7, -10.0, 10.0, 13.0, 4)]


def test_a_clip_in_very_many_videos_is_found_in_each_of_them_without_all_pairs() -> None:
    rng, videos = np.random.default_rng(0), 120
    clip, turned = random_hashes(rng, 5), random_hashes(rng, 5)
    hashes = flip_bits(np.tile(clip, (videos, 1)), rng, 6)
    found = find_overlaps(
        hashes,
        np.tile(turned, (videos, 1)),
        np.repeat(np.arange(videos), 5),
        np.tile(np.arange(5.0), videos),
        usable=np.ones(5 * videos, np.bool_),
    )
    assert {one.first for one in found} == set(range(MAX_HUBS))
    assert {one.second for one in found} == set(range(1, videos))


def test_no_frames_have_no_overlaps() -> None:
    assert overlaps() == []
