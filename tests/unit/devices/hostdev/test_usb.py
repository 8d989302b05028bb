"""USB devices of the host."""

from __future__ import annotations

import pytest

from tests.unit.devices.hostdev.making import run, usb, values


def test_a_usb_device_is_opened_by_its_path() -> None:
    (device,) = values(run(usb("<address bus='3' device='12'/>")), "-device", "usb-host")
    assert device["hostdevice"] == "/dev/bus/usb/003/012"
    assert {"hostbus", "hostaddr"}.isdisjoint(device)


@pytest.mark.parametrize(("policy", "left_out"), [("", False), ("mandatory", False), ("optional", True)])
def test_a_usb_device_is_looked_for_by_what_it_is(policy: str, left_out: bool) -> None:
    given = f" startupPolicy='{policy}'" if policy else ""
    translation = run(usb("<vendor id='0x12'/><product id='0xbeef'/>", policy=given))
    (todo,) = (item.todo for item in translation.resources if item.kind == "usb")
    assert "the USB device 0012:beef" in todo
    assert ("leave this property out" in todo) is left_out


@pytest.mark.parametrize(
    ("reset", "told"),
    [
        ("off", {"guest-reset": False}),
        ("uninitialized", {"guest-reset": True, "guest-resets-all": False}),
        ("on", {"guest-reset": True, "guest-resets-all": True}),
    ],
)
def test_what_a_guest_may_reset(reset: str, told: dict[str, bool]) -> None:
    text = usb("<address bus='3' device='12'/>", policy=f" guestReset='{reset}'")
    (device,) = values(run(text), "-device", "usb-host")
    assert {name: value for name, value in device.items() if name.startswith("guest-reset")} == told
