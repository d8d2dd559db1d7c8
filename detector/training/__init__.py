"""The model's line: from artwork and cloth to a data set, weights and their measured accuracy."""
