"""A study's figure: panels, curves, final values, and how they look."""
