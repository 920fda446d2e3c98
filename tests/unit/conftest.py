"""What many tests of the domain begin with."""

import pytest

from tests.doubles.booking_world import World


@pytest.fixture
def world() -> World:
    """The domain on doubles, with nothing in it yet."""
    return World()
