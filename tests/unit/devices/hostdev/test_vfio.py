"""Host devices through VFIO."""

from __future__ import annotations

from tests.unit.devices.hostdev.making import run, values


def test_a_screen_before_the_guests_driver_runs_cannot_be_unplugged() -> None:
    mdev = "<source><address uuid='53764d0e-85a0-42b4-af5c-2046b460b1dc'/></source></hostdev><graphics type='vnc'/>"
    for ramfb, driver in (("on", "vfio-pci-nohotplug"), ("off", "vfio-pci")):
        head = f"<hostdev type='mdev' model='vfio-pci' display='on' ramfb='{ramfb}'>"
        (device,) = values(run(f"{head}{mdev}"), "-device", "vfio-pci")
        assert (device["driver"], device.get("ramfb", False)) == (driver, ramfb == "on")
