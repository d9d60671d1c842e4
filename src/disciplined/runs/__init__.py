"""The records of this machine as a table, one by one, compared, and swept up. No torch."""
