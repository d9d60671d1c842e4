"""Figures and tables as data: expansion into runs, ledger, drawing, claims, publication."""
