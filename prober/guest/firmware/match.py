"""Whether a firmware is one that a domain asks for (libvirt 11.3, ``qemuFirmwareMatchDomain``)."""

from __future__ import annotations

from prober.domain.domain import Domain
from prober.domain.features.machine import Smm
from prober.domain.launch_security import LaunchSecurity, Sev, SevSnp, Tdx
from prober.domain.os.loader import Loader
from prober.domain.os.model import Os
from prober.host.descriptor import Descriptor, FileMapping, FlashMapping
from prober.host.target import Target

_INTERFACES = {"efi": "uefi", "bios": "bios", "pflash": "uefi", "rom": "bios"}

#: QEMU's names of architectures of 32 bits, which a binary for 64 runs, too, and firmware for 64 bits does not.
_OF_32_BITS = {"i686": "i386", "armv7l": "arm"}


def fits(firmware: Descriptor, domain: Domain, target: Target, loader: Loader) -> bool:
    """Whether the domain may get it; ``loader`` is what the domain asks of it, as far as it does."""
    kind = domain.os.firmware or loader.type or ""
    if _INTERFACES.get(kind) not in firmware.interface_types:
        return False
    arch = _OF_32_BITS.get(domain.arch or "", target.caps.target)
    if not any(one.fits(arch, target.canonical) for one in firmware.targets):
        return False
    mapping = firmware.mapping
    if isinstance(mapping, FlashMapping):
        # Firmware in flash has its variables there, too, and not in a <varstore>.
        shape = domain.os.varstore is None and _fits_flash(mapping, domain.os, loader)
    else:
        shape = _fits_file(mapping, domain.os, loader)
    return (
        shape
        and _has_features(firmware, domain)
        and _fits_smm(firmware, domain.features.smm, loader)
        and _protects(firmware, domain.launch_security)
    )


def _fits_flash(flash: FlashMapping, os: Os, loader: Loader) -> bool:
    """Paths, mode and formats of flash."""
    nvram = os.nvram
    if loader.path is not None and loader.path != flash.filename:
        return False
    template = flash.nvram_template.filename if flash.mode == "split" and flash.nvram_template is not None else None
    if nvram is not None and nvram.template not in (None, template):
        return False
    if loader.type not in (None, "pflash") or loader.readonly is False:
        # Firmware that may be written would be in one piece, and libvirt takes no such firmware here.
        return False
    if flash.mode != ("stateless" if loader.stateless else "split"):
        return False
    formats = [flash.executable.format]
    if flash.mode == "split" and flash.nvram_template is not None:
        formats.append(flash.nvram_template.format)
    if any(name not in ("raw", "qcow2") for name in formats):
        return False
    return loader.format in (None, flash.executable.format)


def _fits_file(file: FileMapping, os: Os, loader: Loader) -> bool:
    """Paths of firmware in memory, or of a kernel."""
    if file.device == "kernel":
        return os.kernel in (None, file.filename)
    if loader.path is not None and loader.path != file.filename:
        return False
    if file.uefi_vars is not None and os.nvram is not None:
        return False
    if os.varstore is not None:
        template = file.uefi_vars.template if file.uefi_vars is not None else None
        if template is None or os.varstore.template not in (None, template):
            return False
    return loader.type in (None, "rom") and loader.readonly is not False


def _has_features(firmware: Descriptor, domain: Domain) -> bool:
    """Sleep that the domain asks for, and the features that it asks for or against."""
    pm, wanted = domain.pm, domain.os.features.wanted if domain.os.features is not None else {}
    if pm is not None and pm.suspend_to_mem and "acpi-s3" not in firmware.features:
        return False
    if pm is not None and pm.suspend_to_disk and "acpi-s4" not in firmware.features:
        return False
    return all((name in firmware.features) == enabled for name, enabled in wanted.items())


def _fits_smm(firmware: Descriptor, smm: Smm | None, loader: Loader) -> bool:
    """System management mode, which some firmware needs, and which guards flash."""
    if "requires-smm" not in firmware.features:
        return not loader.secure
    return loader.secure is not False and (smm is None or smm.state)


def _protects(firmware: Descriptor, security: LaunchSecurity | None) -> bool:
    """Launch security, which firmware must take part in."""
    if isinstance(security, Sev):
        return "amd-sev" in firmware.features and (not security.encrypts_registers or "amd-sev-es" in firmware.features)
    if isinstance(security, Tdx):
        return "intel-tdx" in firmware.features
    return not isinstance(security, SevSnp) or "amd-sev-snp" in firmware.features
