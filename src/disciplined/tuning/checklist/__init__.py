"""The papers' checklist: what `scripts/tune.py` runs for each step, concludes, says and draws."""
