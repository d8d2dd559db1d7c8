"""A local page where a person confirms or rejects what the model saw, and marks what it missed."""

from detector.review.serve import serve_review

__all__ = ["serve_review"]
