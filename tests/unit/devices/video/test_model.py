"""Graphics cards."""

from __future__ import annotations

from prober.devices.video.model import power_of_two


def test_memory_of_cards_is_a_power_of_two() -> None:
    assert [power_of_two(amount) for amount in (0, 1, 2, 3, 16384, 16385)] == [0, 1, 2, 4, 16384, 32768]
