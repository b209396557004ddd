"""Pixels, lazily: sources are warped to the grid of the picture, chosen, cast and shown."""
