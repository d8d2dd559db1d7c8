"""Draws scenes without any flag, as backgrounds that belong to nobody: python scripts/make_scenery.py OUT"""

from pathlib import Path

import numpy as np
from PIL import Image

from detector.cli import run_script
from detector.training.drawing.scenery import SCENERY

WIDTH, HEIGHT = 960, 640  # pixels


def main(out: Path, count: int = 100, seed: int = 1) -> None:
    """Writes COUNT pictures to OUT."""
    out.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        draw = SCENERY[str(rng.choice(sorted(SCENERY)))]
        picture = np.clip(draw(rng, WIDTH, HEIGHT), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(out / f"{number:04}.jpg", quality=92)


if __name__ == "__main__":
    run_script(main)
