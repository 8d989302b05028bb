"""``<rom>``: the boot ROM that a PCI device of the guest shows, for network cards and host devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from prober.commandline.options import Property
from prober.commandline.refusal import Broken
from prober.domain.shared.device import Device
from prober.domain.shared.paths import relative_paths
from prober.xml.binding import At, Becomes
from prober.xml.values import OnOff, YesNo, check_any_path


def _rom_file(value: str) -> str:
    """A path, or empty for none."""
    return check_any_path(value) if value else value


#: The file of a ROM; an empty text takes it away, as libvirt hands it on.  QEMU looks for one that is no absolute path
#: among its own ROMs.
RomFile: TypeAlias = Annotated[str, AfterValidator(_rom_file)]


class RomDevice(Device):
    """A device whose ROM can be chosen, hidden or taken away (libvirt 11.3, ``qemuBuildRomProps``)."""

    rom_enabled: Annotated[
        YesNo | None, At("rom/@enabled"), Becomes("`no` an empty `romfile`, so that the device has no ROM")
    ] = None
    rom_bar: Annotated[OnOff | None, At("rom/@bar"), Becomes("`rombar` 0 or 1")] = None
    rom_file: Annotated[RomFile | None, At("rom/@file"), Becomes("`romfile`")] = None

    def rules(self) -> Iterator[Broken]:
        """A ROM that is not there cannot be tuned."""
        yield from super().rules()
        if self.rom_enabled is False:
            for name in ("rom_bar", "rom_file"):
                if getattr(self, name) is not None:
                    yield Broken(name, "<rom enabled='no'> leaves no ROM to tune")

    def remarks(self) -> Iterator[Broken]:
        """A path that is not absolute; QEMU looks for a name alone among its own ROMs."""
        if "/" in (self.rom_file or ""):
            yield from relative_paths(self, "rom_file")

    def rom_properties(self) -> Iterator[Property]:
        """``rombar`` and ``romfile``."""
        if self.rom_enabled is False:
            yield Property("romfile", "", self.place("rom_enabled"))
            return
        if self.rom_bar is not None:
            yield Property("rombar", int(self.rom_bar), self.place("rom_bar"))
        if self.rom_file is not None:
            yield Property("romfile", self.rom_file, self.place("rom_file"))
