"""What the tests of files have in common."""

from collections.abc import Iterator

import pytest

from tests.media.platform import Platform, serving


@pytest.fixture
def platform() -> Iterator[Platform]:
    with serving() as platform:
        yield platform
