"""Artwork, cloth and photos in, made pictures with their truth out."""

from detector.training.drawing.artwork import Colour, draw_artwork
from detector.training.drawing.cloth import load_bank
from detector.training.drawing.degrade import degrade_picture
from detector.training.drawing.designs import KINDS, TARGETS, load_designs
from detector.training.drawing.flags import MIN_PLAIN_SIZE
from detector.training.drawing.materials import Materials, open_photo
from detector.training.drawing.people import load_cutouts
from detector.training.drawing.real_cloth import RealCloth, load_cloths, save_cloths
from detector.training.drawing.repaint import load_repaints
from detector.training.drawing.synth import Example, make_example

__all__ = [
    "KINDS",
    "MIN_PLAIN_SIZE",
    "TARGETS",
    "Colour",
    "Example",
    "Materials",
    "RealCloth",
    "degrade_picture",
    "draw_artwork",
    "load_bank",
    "load_cloths",
    "load_cutouts",
    "load_designs",
    "load_repaints",
    "make_example",
    "open_photo",
    "save_cloths",
]
