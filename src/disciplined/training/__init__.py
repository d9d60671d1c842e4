"""One run from a config: planned without torch, trained by Lightning, kept as a record."""
