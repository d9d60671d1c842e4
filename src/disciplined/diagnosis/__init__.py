"""What a run's curves show, in the words of the third paper's remarks, and what to change next."""

from disciplined.diagnosis.curves import Curves
from disciplined.diagnosis.diagnosing import Diagnosis, diagnose
from disciplined.diagnosis.findings import Finding

__all__ = ["Curves", "Diagnosis", "Finding", "diagnose"]
