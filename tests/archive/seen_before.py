"""A report of old pictures with its archive, and one of pictures like them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.archive import add_report
from tests.conftest import RED
from tests.media_factory import write_video
from tests.test_evidence import save, scan_to, scenery


def mirror(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image[:, ::-1])


def with_bars(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(image, ((60, 60), (0, 0), (0, 0)))


OLD_POSTS = """file,posted_at,source_url,author
certain.png,2021-05-14T08:00:00Z,https://example.org/p/1,Ann
day.png,2024-05-13,https://example.org/p/2,Ann
later.png,2024-06-01T00:00:00Z,https://example.org/p/3,Ann
bars.png,2023-01-01T00:00:00Z,"javascript:alert(1)",Ann
clip.mp4,2020-02-02T00:00:00Z,https://example.org/p/5,Ann
"""
NEW_POSTS = """file,posted_at
certain.jpg,2024-05-14T08:00:00Z
day.jpg,2024-05-14T08:00:00Z
later.jpg,2024-05-14T08:00:00Z
bars.jpg,2024-05-14T08:00:00Z
frame.png,2024-05-14T08:00:00Z
"""


def scan_old_and_new(base: Path, weights: Path) -> Path:
    """A report `old` and its archive, and a report `new` of pictures like those of the old one."""
    pictures = {
        name: scenery(seed, (1, 1, RED)) for seed, name in enumerate(("certain", "day", "later", "bars"))
    }
    pictures["timeless"] = scenery(9, (1, 1, RED))
    clip = [scenery(seed, (0, 0, RED)) for seed in (20, 21, 22, 23)]
    for name, image in pictures.items():
        save(image, base / "in old" / f"{name}.png")
    write_video(base / "in old" / "clip.mp4", [one for one in clip for _ in range(10)])
    (base / "in old" / "posts.csv").write_text(OLD_POSTS)
    for name in ("certain", "day", "later", "timeless"):
        save(pictures[name], base / "in new" / f"{name}.jpg", quality=70)
    save(with_bars(mirror(pictures["bars"])), base / "in new" / "bars.jpg", quality=90)
    save(clip[2], base / "in new" / "frame.png")
    save(scenery(99, (1, 1, RED)), base / "in new" / "unseen.png")
    write_video(base / "in new" / "part.mp4", [one for one in clip[1:] for _ in range(10)])
    write_video(base / "in new" / "one shot.mp4", [one for one in (clip[1], scenery(50)) for _ in range(10)])
    (base / "in new" / "posts.csv").write_text(NEW_POSTS)
    for name in ("old", "new"):
        scan_to(base / f"in {name}", base / name, weights)
    add_report(base / "archive.db", base / "old")
    add_report(base / "archive.db", base / "new")
    return base
