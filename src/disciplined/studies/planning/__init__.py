"""What there is to run, how long it takes here, and what to run first."""
