"""Weights and photos with truth in, measured accuracy out."""
