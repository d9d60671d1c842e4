"""A training that leaves no trace, around anybody's model, optimiser and loop. Needs torch."""
