"""What a range test's curves say: rates by stated rules, and their picture. numpy alone."""

from disciplined.tuning.reading.curve import Curve
from disciplined.tuning.reading.over_seeds import Reading, readings
from disciplined.tuning.reading.suggestion import Suggested, suggested

__all__ = ["Curve", "Reading", "Suggested", "readings", "suggested"]
