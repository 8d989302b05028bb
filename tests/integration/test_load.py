"""A short form of ``make load``: what does not depend on how busy the machine is."""

from __future__ import annotations

import pytest

from tests.load.__main__ import print_table
from tests.load.run import MOST_GROWTH, run

ROUTES = {"supports", "types", "translate", "check-argv", "held"}


@pytest.mark.slow
def test_many_connections_and_agents_without_pause() -> None:
    measured = run(5, with_libvirt=False)
    print_table(measured)  # Shown with what failed.
    assert not measured.saturated.errors
    assert not measured.half.errors
    assert set(measured.saturated.waits) == ROUTES
    assert measured.end - measured.after <= MOST_GROWTH
