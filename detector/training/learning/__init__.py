"""Pictures with their truth in, trained weights out."""
