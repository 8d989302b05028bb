"""What ``<os>`` becomes: ``-boot``, direct kernel boot, firmware, and its part of ``-machine``."""

from __future__ import annotations

from collections.abc import Iterator

from prober.capabilities.evidence import Verdict
from prober.commandline.options import Global, Keyval, Option, Plain, Property
from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.domain.sysinfo import SmbiosInfo
from prober.guest.firmware.pflash import machine_flash
from prober.host.target import Target

#: What an ACPI table of a type is called inside (libvirt 11.3, ``qemuACPITableSIG``); a raw one says it itself.
_SIGNATURES = {"slic": "SLIC", "msdm": "MSDM"}


def machine_os(domain: Domain, target: Target) -> Iterator[Property]:
    """Flash, and ``graphics=off``, which has SeaBIOS write to the serial port."""
    yield from machine_flash(domain, target)
    bios = domain.os.bios
    if bios is not None and bios.useserial:
        yield Property("graphics", False, bios.place("useserial"))


def emit_loader(domain: Domain, target: Target) -> Iterator[Option]:
    """``-bios``, or the lock on flash (libvirt 11.3, ``qemuBuildDomainLoaderCommandLine``)."""
    loader = domain.os.loader
    if loader is None:
        return
    if loader.type == "rom" and loader.path is not None:
        yield Plain("-bios", loader.path, loader.place("path"))
    if loader.type == "pflash" and loader.secure:
        yield Global("cfi.pflash01", Property("secure", True, loader.place("secure")))


def emit_os(domain: Domain, target: Target) -> Iterator[Option]:
    """``-boot strict`` (QEMU 1.5: boot from nothing else) and the menu, direct kernel boot, and ACPI tables."""
    os = domain.os
    yield from _boot(domain, target)
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


def _boot(domain: Domain, target: Target) -> Iterator[Option]:
    menu, bios = domain.os.bootmenu, domain.os.bios
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
        yield Keyval("-boot", "", tuple(pairs), domain.os.place(), group="boot-opts")


def check_os(domain: Domain, target: Target) -> Iterator[Refusal]:
    """What depends on the other elements (libvirt 11.3, ``qemuValidateDomainDef`` and ``…DefBoot``)."""
    os = domain.os
    yield from _check_firmware(domain, target)
    # Every machine has the property where one has it (QEMU 10.0, hw/core/machine.c), and that tells of the option.
    evidence = target.caps.supports("none-machine.shim")
    if os.shim is not None and evidence.verdict is Verdict.absent:
        yield Refusal(
            place=os.place("shim"),
            message=f"QEMU {target.caps.version} has no -shim",
            qemu_name="-shim",
            evidence=evidence,
        )
    if os.bios is not None and os.bios.useserial and not any(d.element == "serial" for d in domain.devices.every):
        yield Refusal(place=os.bios.place("useserial"), message="useserial needs a serial port to write to")
    if os.smbios == "host":
        yield Refusal(
            place=os.place("smbios"),
            message="<smbios mode='host'> shows the guest what the host is, which translating does not look at",
            hint="write what it shall see into <sysinfo type='smbios'>, with mode='sysinfo'",
        )
    if os.smbios == "sysinfo" and not any(isinstance(info, SmbiosInfo) for info in domain.sysinfo):
        yield Refusal(
            place=os.place("smbios"), message="<smbios mode='sysinfo'> needs an element <sysinfo type='smbios'>"
        )


def _check_firmware(domain: Domain, target: Target) -> Iterator[Refusal]:
    os, loader = domain.os, domain.os.loader
    flash = loader is not None and loader.type == "pflash"
    if (os.firmware == "efi" or flash) and target.is_x86 and not domain.features.acpi:
        place = os.place("firmware" if os.firmware == "efi" else "loader")
        yield Refusal(place=place, message="UEFI needs ACPI on this machine", hint="write <acpi/> into <features>")
    if loader is None or not loader.secure:
        return
    if target.kind != "q35" or (domain.arch or target.caps.target) != "x86_64":
        message = f"flash that only SMM may write needs a q35 machine of x86_64, not {domain.arch} {target.machine}"
        yield Refusal(place=loader.place("secure"), message=message)
    elif os.firmware is None and (domain.features.smm is None or not domain.features.smm.state):
        message = "secure='yes' needs system management mode"
        yield Refusal(place=loader.place("secure"), message=message, hint="write <smm state='on'/> into <features>")
