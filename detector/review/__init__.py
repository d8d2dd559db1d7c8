"""A local page where a person confirms or rejects what the model saw, and marks what it missed."""
