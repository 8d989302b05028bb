"""``<os>``: what machine it is, and what boots on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from prober.commandline.refusal import Broken, Unfit
from prober.domain.os.loader import Firmware, Loader, Nvram, PathOrNothing, Varstore
from prober.domain.shared.paths import relative_paths
from prober.domain.shared.twins import given_twice
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import AbsolutePath, Count, Line, LineOrNothing, YesNo

#: The most that a guest's firmware counts milliseconds to.
_MOST_TIME = 65535


def _timeout(value: Any) -> Any:
    """Milliseconds, or -1 for never (libvirt 11.3, ``virDomainDefBootValidate``)."""
    text = str(value).strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise Unfit("is not a number of milliseconds")
    number = int(text)
    if not -1 <= number <= _MOST_TIME:
        raise Unfit(f"is out of range: -1 to {_MOST_TIME}")
    return number


class OsType(Element):
    """``<type>``: always ``hvm``; without a machine the binary's default is taken."""

    value: Annotated[Literal["hvm"], At("."), Becomes("nothing else can be had with QEMU")]
    arch: Annotated[
        Literal["x86_64", "i686", "aarch64", "armv7l", "ppc64", "riscv64", "s390x", "loongarch64"] | None,
        At("@arch"),
        Becomes("which binaries can be taken"),
    ] = None
    machine: Annotated[Line | None, At("@machine"), Becomes("`-machine`")] = None


class Boot(Element):
    """One ``<boot dev>``; their order is the order of booting."""

    dev: Annotated[Literal["fd", "cdrom", "hd", "network"], At("@dev"), Becomes("`bootindex` of the first such device")]


class BootMenu(Checked):
    """``<bootmenu>``: whether a guest's firmware asks what to boot."""

    enable: Annotated[YesNo | None, At("@enable"), Becomes("`menu` of `-boot`")] = None
    timeout: Annotated[Count | None, At("@timeout"), Becomes("`splash-time` of `-boot`, if the menu is shown")] = None

    def rules(self) -> Iterator[Broken]:
        """How long it asks."""
        if self.timeout is not None and self.timeout > _MOST_TIME:
            yield Broken("timeout", f"'{self.timeout}' is out of range: 0 to {_MOST_TIME}")


class BiosOptions(Element):
    """``<bios>``: what SeaBIOS is told."""

    useserial: Annotated[YesNo | None, At("@useserial"), Becomes("`graphics=off` of `-machine`")] = None
    reboot_timeout: Annotated[
        Annotated[int, BeforeValidator(_timeout)] | None, At("@rebootTimeout"), Becomes("`reboot-timeout` of `-boot`")
    ] = None


class AcpiTable(Element):
    """``<table>``: a file with an ACPI table."""

    type: Annotated[Literal["raw", "slic", "msdm"], At("@type"), Becomes("`sig` of `-acpitable`")]
    path: Annotated[AbsolutePath, At("."), Becomes("`file` of `-acpitable`")]


class Os(Checked):
    """Kernel and initrd are given to QEMU as they are; boot devices become their ``bootindex``."""

    type: Annotated[OsType, At("type"), Becomes("`-machine`")]
    firmware: Annotated[
        Literal["bios", "efi"] | None, At("@firmware"), Becomes("the first installed firmware of this kind that fits")
    ] = None
    features: Annotated[Firmware | None, At("firmware"), Becomes("which of the installed firmware fits")] = None
    loader: Annotated[Loader | None, At("loader"), Becomes("`-bios`, or `pflash0` of `-machine`")] = None
    nvram: Annotated[Nvram | None, At("nvram"), Becomes("`pflash1` of `-machine`")] = None
    varstore: Annotated[Varstore | None, At("varstore"), Becomes("`-device uefi-vars-x64`")] = None
    boot: Annotated[tuple[Boot, ...], At("boot"), Becomes("`bootindex`")] = ()
    bootmenu: Annotated[BootMenu | None, At("bootmenu"), Becomes("`menu` of `-boot`")] = None
    bios: Annotated[BiosOptions | None, At("bios"), Becomes("keys of `-boot` and `-machine`")] = None
    smbios: Annotated[
        Literal["emulate", "host", "sysinfo"] | None,
        At("smbios/@mode"),
        Becomes("`-smbios`, of what <sysinfo type='smbios'> says; of the host a resource"),
    ] = None
    kernel: Annotated[PathOrNothing, At("kernel"), Becomes("`-kernel`")] = None
    initrd: Annotated[PathOrNothing, At("initrd"), Becomes("`-initrd`")] = None
    cmdline: Annotated[LineOrNothing, At("cmdline"), Becomes("`-append`")] = None
    shim: Annotated[PathOrNothing, At("shim"), Becomes("`-shim`")] = None
    dtb: Annotated[PathOrNothing, At("dtb"), Becomes("`-dtb`")] = None
    acpi_tables: Annotated[tuple[AcpiTable, ...], At("acpi/table"), Becomes("`-acpitable`")] = ()

    def remarks(self) -> Iterator[Broken]:
        """Paths that are not absolute."""
        yield from relative_paths(self, "kernel", "initrd", "shim", "dtb")

    def rules(self) -> Iterator[Broken]:
        """What QEMU would ignore, or refuse later."""
        if self.kernel is None:
            for name in ("initrd", "cmdline", "shim"):
                if getattr(self, name) is not None:
                    yield Broken(name, f"<{name}> has no effect without <kernel>")
        for dev in given_twice(boot.dev for boot in self.boot):
            yield Broken("boot", f"<boot dev='{dev}'> is given twice")
        tables = [table.type for table in self.acpi_tables]
        for kind in ("slic", "msdm"):
            if tables.count(kind) > 1:
                yield Broken("acpi_tables", f"an ACPI table of type '{kind}' is given twice")
        yield from self._firmware_rules()

    def _firmware_rules(self) -> Iterator[Broken]:
        """What goes together (libvirt 11.3, ``virDomainDefOSValidate``)."""
        if self.firmware is None:
            yield from self._given_firmware_rules()
        elif self.firmware != "efi":
            for name in ("nvram", "varstore"):
                if getattr(self, name) is not None:
                    yield Broken(name, f"firmware '{self.firmware}' has no variables to keep")
        loader = self.loader
        yield from self._varstore_rules()
        if loader is None or loader.stateless is None:
            return
        if loader.stateless and self.nvram is not None:
            yield Broken("nvram", "a stateless loader keeps no variables: leave <nvram> out")
        keeps = loader.type == "pflash" if self.firmware is None else self.firmware == "efi"
        if not loader.stateless and not keeps:
            yield Broken("loader", "only a loader of type='pflash', or EFI firmware, can keep variables")

    def _varstore_rules(self) -> Iterator[Broken]:
        """Variables are in one place, and QEMU keeps those of firmware in memory alone (libvirt 12.8, asked)."""
        if self.varstore is None:
            return
        if self.nvram is not None:
            yield Broken("varstore", "<nvram> and <varstore> cannot be set together")
        if self.loader is not None and self.loader.type == "pflash":
            yield Broken("varstore", "firmware in flash has its variables in <nvram>")
        if self.loader is not None and self.loader.stateless:
            yield Broken("varstore", "a stateless loader keeps no variables: leave <varstore> out")

    def _given_firmware_rules(self) -> Iterator[Broken]:
        """Firmware that is not chosen has a loader with a path, and is what it is."""
        if self.features is not None and self.features.wanted:
            yield Broken("features", "firmware is chosen by its features with <os firmware=…> alone")
        if self.loader is None:
            for name in ("nvram", "varstore"):
                if getattr(self, name) is not None:
                    yield Broken(name, f"<{name}> needs a <loader> with a path, or <os firmware='efi'>")
        elif self.loader.path is None:
            sentence = "<loader> has no path, and no firmware is to be chosen: write one, or <os firmware=…>"
            yield Broken("loader", sentence)
