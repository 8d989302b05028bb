"""``<os>``: what machine it is, and what boots on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline.options import Keyval, Option, Plain, Property
from prober.domain.binding import At, Checked, Element
from prober.domain.target import Target
from prober.domain.values import AbsolutePath, Line


class OsType(Element):
    """``<type>``: always ``hvm``; without a machine the binary's default is taken."""

    value: Annotated[Literal["hvm"], At(".")]
    arch: Annotated[Literal["x86_64", "i686", "aarch64", "armv7l", "ppc64", "riscv64", "s390x"] | None, At("@arch")] = (
        None
    )
    machine: Annotated[Line | None, At("@machine")] = None


class Boot(Element):
    """One ``<boot dev>``; their order is the order of booting."""

    dev: Annotated[Literal["hd", "network", "cdrom", "fd"], At("@dev")]


class Os(Checked):
    """Kernel and initrd are given to QEMU as they are; boot devices become their ``bootindex``."""

    type: Annotated[OsType, At("type")]
    boot: Annotated[tuple[Boot, ...], At("boot")] = ()
    kernel: Annotated[AbsolutePath | None, At("kernel")] = None
    initrd: Annotated[AbsolutePath | None, At("initrd")] = None
    cmdline: Annotated[Line | None, At("cmdline")] = None

    def rules(self) -> Iterator[tuple[str, str]]:
        """What QEMU would ignore, or refuse later, without a kernel."""
        if self.kernel is None:
            if self.initrd is not None:
                yield "initrd", "<initrd> has no effect without <kernel>"
            if self.cmdline is not None:
                yield "cmdline", "<cmdline> has no effect without <kernel>"
        order = [boot.dev for boot in self.boot]
        for dev in sorted(set(order)):
            if order.count(dev) > 1:
                yield "boot", f"<boot dev='{dev}'> is given twice"

    def emit(self, target: Target) -> Iterator[Option]:
        """``-boot strict`` (QEMU 1.5: boot from nothing else), and direct kernel boot."""
        if target.caps.has("-boot-opts.strict"):
            strict = (Property("strict", True, target.place),)
            yield Keyval("-boot", "", strict, target.place, group="boot-opts")
        for flag, name in (("-kernel", "kernel"), ("-initrd", "initrd"), ("-append", "cmdline")):
            value = getattr(self, name)
            if value is not None:
                yield Plain(flag, value, self.place(name))
