"""What a test needs and may be absent: it is skipped then, and fails where everything must be."""

import os
from pathlib import Path

import pytest


def absent(what: str) -> Path:
    if os.environ.get("DISCIPLINED_REQUIRE_DATA"):
        pytest.fail(f"{what} is required here and absent")
    pytest.skip(f"{what} is absent")
