"""What ``<os>`` becomes: ``-boot``, direct kernel boot, firmware, and its part of ``-machine``."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.deeds import CopyFile
from prober.commandline.options import DeviceOption, Global, Keyval, Need, Option, Plain, Prepared, Property
from prober.domain.os.flash import machine_flash
from prober.domain.os.model import Os
from prober.host.target import Target

#: What an ACPI table of a type is called inside (libvirt 11.3, ``qemuACPITableSIG``); a raw one says it itself.
_SIGNATURES = {"slic": "SLIC", "msdm": "MSDM"}


def machine_os(os: Os, target: Target) -> Iterator[Property]:
    """Flash, and ``graphics=off``, which has SeaBIOS write to the serial port."""
    yield from machine_flash(os, target)
    bios = os.bios
    if bios is not None and bios.useserial:
        yield Property("graphics", False, bios.place("useserial"))


def emit_loader(os: Os) -> Iterator[Option]:
    """``-bios``, or the lock on flash (libvirt 11.3, ``qemuBuildDomainLoaderCommandLine``), and the device that keeps
    variables of firmware in memory (12.8, asked)."""
    loader = os.loader
    if loader is None:
        return
    if loader.type == "rom" and loader.path is not None:
        yield Plain("-bios", loader.path, loader.place("path"))
    kept = os.varstore
    if kept is not None and kept.path is not None:
        copy = f"copy {kept.template} there" if kept.template is not None else "QEMU makes it"
        deed = None if kept.template is None else CopyFile(path=kept.path, source=kept.template)
        todo = f"{kept.path} holds the firmware's variables; if it does not exist yet, {copy}"
        path = Prepared(kept.path, Need("nvram", "varstore", todo, deed))
        yield DeviceOption("uefi-vars-x64", (Property("jsonfile", path, kept.place("path")),), kept.place())
    if loader.type == "pflash" and loader.secure:
        yield Global("cfi.pflash01", Property("secure", True, loader.place("secure")))


def emit_os(os: Os, target: Target) -> Iterator[Option]:
    """``-boot strict`` (QEMU 1.5: boot from nothing else) and the menu, direct kernel boot, and ACPI tables."""
    yield from _boot(os, target)
    for flag, name in (
        ("-kernel", "kernel"),
        ("-initrd", "initrd"),
        ("-append", "cmdline"),
        ("-shim", "shim"),
        ("-dtb", "dtb"),
    ):
        value = getattr(os, name)
        if value is not None:
            yield Plain(flag, value, os.place(name))
    for table in os.acpi_tables:
        pairs = [Property("file", table.path, table.place("path"))]
        if table.type in _SIGNATURES:
            pairs.insert(0, Property("sig", _SIGNATURES[table.type], table.place("type")))
        yield Keyval("-acpitable", "", tuple(pairs), table.place(), group="acpi")


def _boot(os: Os, target: Target) -> Iterator[Option]:
    menu, bios = os.bootmenu, os.bios
    pairs = []
    if menu is not None and menu.enable is not None:
        pairs.append(Property("menu", menu.enable, menu.place("enable")))
    if bios is not None and bios.reboot_timeout is not None:
        pairs.append(Property("reboot-timeout", bios.reboot_timeout, bios.place("reboot_timeout")))
    if menu is not None and menu.enable and menu.timeout is not None:
        pairs.append(Property("splash-time", menu.timeout, menu.place("timeout")))
    if target.caps.has("-boot-opts.strict"):
        pairs.append(Property("strict", True, target.place))
    if pairs:
        yield Keyval("-boot", "", tuple(pairs), os.place(), group="boot-opts")
