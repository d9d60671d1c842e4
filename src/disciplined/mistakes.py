"""The one exception for what a user got wrong, so that commands can say it in a line.

Everything that reaches a user as a `Mistake` ends a command with status 2 and its message; any
other exception is a fault of this project and ends it with status 1 and a traceback.
"""


class Mistake(ValueError):
    """A setting that cannot be meant; one line: name, value, what was expected, what to do."""


class Busy(Mistake):
    """Another process trains the very run that was asked for; a sweep comes back to it."""
