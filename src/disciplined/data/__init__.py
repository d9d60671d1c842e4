"""Data sets as tensors of bytes, the order in which a run reads them, and what is done to them.

Knows nothing of schedules, models or configs.
"""
