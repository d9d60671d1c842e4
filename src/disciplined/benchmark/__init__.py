"""Images per second of training, beside the limit and beside how others train."""
