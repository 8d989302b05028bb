"""What ``<os>`` cannot be beside the other elements."""

from __future__ import annotations

from collections.abc import Iterator

from prober.capabilities.evidence import Verdict
from prober.commandline.refusal import Refusal
from prober.domain.domain import Domain
from prober.domain.sysinfo import SmbiosInfo
from prober.host.target import Target


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
    if os.smbios == "sysinfo" and not any(isinstance(info, SmbiosInfo) for info in domain.sysinfo):
        yield Refusal(
            place=os.place("smbios"), message="<smbios mode='sysinfo'> needs an element <sysinfo type='smbios'>"
        )


def _check_acpi(domain: Domain, target: Target) -> Iterator[Refusal]:
    """Which of UEFI and ACPI the machine has not without the other."""
    os, has_acpi = domain.os, domain.features.acpi
    has_uefi = os.firmware == "efi" or (os.loader is not None and os.loader.type == "pflash")
    if has_uefi and target.family.firmware == "uefi-needs-acpi" and not has_acpi:
        place = os.place("firmware" if os.firmware == "efi" else "loader")
        yield Refusal(place=place, message="UEFI needs ACPI on this machine", hint="write <acpi/> into <features>")
    # Guests of 32 bits have ACPI without (libvirt 11.3, ``qemuValidateDomainDefFeatures``).
    is_held = target.family.firmware == "acpi-needs-uefi" and domain.arch in (None, "aarch64")
    if is_held and has_acpi and not has_uefi:
        yield Refusal(
            place=domain.features.place("acpi"),
            message=f"ACPI needs UEFI on machine {target.machine} of {target.caps.target}",
            hint="write <os firmware='efi'>, or leave <acpi/> out: the guest then has a device tree",
        )


def _check_firmware(domain: Domain, target: Target) -> Iterator[Refusal]:
    os, loader = domain.os, domain.os.loader
    yield from _check_acpi(domain, target)
    if loader is None or not loader.secure:
        return
    if not target.family.has_smm_flash or (domain.arch or target.caps.target) != "x86_64":
        message = f"flash that only SMM may write needs a q35 machine of x86_64, not {domain.arch} {target.machine}"
        yield Refusal(place=loader.place("secure"), message=message)
    elif os.firmware is None and (domain.features.smm is None or not domain.features.smm.state):
        message = "secure='yes' needs system management mode"
        yield Refusal(place=loader.place("secure"), message=message, hint="write <smm state='on'/> into <features>")
