"""The photos of the demo, one by one."""

from __future__ import annotations

from detector.training.drawing.samples import Hung, Sample

SAMPLES = (
    Sample(
        name="square-both.jpg",
        scene="square",
        seed=1,
        flags=(
            Hung(label="kanak", state="wave", number=20, place=(0.12, 0.12), size=0.28),
            Hung(label="azerbaijan", state="wave", number=8, place=(0.58, 0.1), size=0.28),
        ),
        figures=((0.12, 1.12, 0.62), (0.36, 1.2, 0.66), (0.62, 1.16, 0.62), (0.86, 1.18, 0.68)),
    ),
    Sample(
        name="street-kanak.jpg",
        scene="street",
        seed=2,
        flags=(Hung(label="kanak", state="wave", number=20, place=(0.3, 0.2), size=0.4),),
        figures=((0.3, 1.05, 0.55), (0.72, 1.02, 0.5)),
    ),
    Sample(
        name="sky-azerbaijan.jpg",
        scene="sky",
        seed=3,
        flags=(Hung(label="azerbaijan", state="wave", number=31, place=(0.34, 0.18), size=0.42),),
    ),
    Sample(
        name="room-limp-flag.jpg",
        scene="room",
        seed=4,
        flags=(Hung(label="azerbaijan", state="limp", number=30, place=(0.7, 0.16), size=0.36),),
        figures=((0.56, 1.02, 0.78),),
    ),
    Sample(
        name="wall-banner.jpg",
        scene="wall",
        seed=5,
        flags=(
            Hung(label="kanak", state="hung_by_edge", number=7, place=(0.22, 0.12), size=0.52, pole=False),
        ),
        figures=((0.2, 1.04, 0.6), (0.78, 1.05, 0.62), (0.9, 1.05, 0.58)),
    ),
    Sample(
        name="wall-vertical.jpg",
        scene="wall",
        seed=6,
        flags=(
            Hung(
                label="azerbaijan", state="hung_by_hoist", number=4, place=(0.4, 0.06), size=0.46, pole=False
            ),
        ),
    ),
    Sample(
        name="held-by-two.jpg",
        scene="street",
        seed=7,
        flags=(Hung(label="kanak", state="two_hands", number=12, place=(0.32, 0.42), size=0.36, pole=False),),
        figures=((0.3, 1.0, 0.6), (0.7, 1.0, 0.6)),
    ),
    Sample(
        name="cape.jpg",
        scene="square",
        seed=8,
        flags=(Hung(label="azerbaijan", state="cape", number=9, place=(0.42, 0.42), size=0.26, pole=False),),
    ),
    Sample(
        name="look-alikes.jpg",
        scene="street",
        seed=9,
        flags=(
            Hung(label="armenia", state="wave", number=15, place=(0.12, 0.2), size=0.32),
            Hung(label="hungary", state="wave", number=40, place=(0.58, 0.2), size=0.3),
        ),
        figures=((0.2, 1.04, 0.58), (0.66, 1.05, 0.6)),
    ),
    Sample(
        name="no-emblem.jpg",
        scene="sky",
        seed=10,
        flags=(Hung(label="plain", state="light_air", number=11, place=(0.34, 0.16), size=0.4),),
    ),
    Sample(name="crowd.jpg", scene="square", seed=11, flags=()),
    Sample(
        name="small-at-dusk.jpg",
        scene="square",
        seed=12,
        flags=(
            Hung(label="kanak", state="wave", number=20, place=(0.2, 0.28), size=0.1),
            Hung(label="azerbaijan", state="light_air", number=19, place=(0.7, 0.28), size=0.1),
        ),
        darkness=0.35,
    ),
)
