"""Verdicts: what a claim may assert, the statistics it rests on, and what was found."""
