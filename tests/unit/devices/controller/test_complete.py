"""What is said of controllers that are added."""

from __future__ import annotations

import pytest

from prober.errors import RefusedError
from tests.unit.devices.disk.making import run


def test_one_reason_is_said_once() -> None:
    # Six IDE controllers would be added for it, of which the machine has one.
    with pytest.raises(RefusedError) as caught:
        run("<disk type='file'><source file='/a'/><target dev='hdz'/></disk>")
    assert len(caught.value.refusals) == 1
