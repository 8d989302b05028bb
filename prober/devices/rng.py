"""``<rng>``: random bytes of the host for the guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken
from prober.domain.shared.address import Address
from prober.domain.shared.chardev import Character
from prober.domain.shared.chardev.character import CharacterType
from prober.domain.shared.slots import Kinds
from prober.domain.shared.virtio import VirtioDevice, VirtioModel, virtio_driver, virtio_plug
from prober.host.target import Target
from prober.xml.binding import At, Becomes
from prober.xml.values import Count

#: Milliseconds that a rate is for, where the XML does not say (libvirt 11.3, ``qemuBuildRNGDevProps``).
_PERIOD = 1000


class RngBackend(Character):
    """``<backend>``: a file, QEMU's own generator, or a daemon (EGD) behind a character device."""

    model: Annotated[Literal["random", "builtin", "egd"], At("@model"), Becomes("the `-object`")]
    type: Annotated[CharacterType, At("@type"), Becomes("the backend of `-chardev`")] = "null"
    path: Annotated[str, At("."), Becomes("`filename`")] = ""

    def rules(self) -> Iterator[Broken]:
        """What belongs to which model."""
        if self.model == "egd":
            if not self.given("type"):
                yield Broken("", "<backend model='egd'> needs a type")
            yield from super().rules()
            if self.path.strip():
                yield Broken("path", "a path is for <backend model='random'>")
            return
        for name in ("type", "sources", "protocol", "log_file", "log_append"):
            if self.given(name):
                yield Broken(name, "this is for <backend model='egd'>")
        yield from self._path_rules()

    def _path_rules(self) -> Iterator[Broken]:
        path = self.path.strip()
        if self.model == "builtin" and path:
            yield Broken("path", "a path is for <backend model='random'>")
        elif path and (not path.startswith("/") or not path.isprintable() or len(path.encode()) > 4095):
            yield Broken("path", f"{path[:80]!r} is not an absolute path")

    @property
    def file(self) -> str:
        """Where random bytes are read from."""
        return self.path.strip() or "/dev/random"


class Rng(VirtioDevice):
    """One source of random bytes."""

    element = "rng"
    alias_prefix = "rng"
    numbered_by_names = True

    model: Annotated[VirtioModel, At("@model"), Becomes("the kind of virtio device")]
    rate_bytes: Annotated[Count | None, At("rate/@bytes"), Becomes("`max-bytes`")] = None
    rate_period: Annotated[Count | None, At("rate/@period"), Becomes("`period`")] = None
    backend: Annotated[RngBackend, At("backend")]
    address: Annotated[Address | None, At("address"), Becomes("`bus` and `addr`")] = None

    def rules(self) -> Iterator[Broken]:
        """A period is that of a rate."""
        if self.rate_period is not None and not self.rate_bytes:
            yield Broken("rate_period", "a period goes with bytes")

    @property
    def may_be_mmio(self) -> bool:
        """Unless it shall drive old guests, or none of them."""
        return self.model == "virtio"

    def plug(self, target: Target) -> Kinds | None:
        """As virtio devices."""
        return virtio_plug(target, self.model)

    def emit(self, target: Target) -> Iterator[options.Option]:
        """The source, and the device."""
        source = f"obj{self.id}"
        yield from self._source(source, target)
        properties = [*self.properties(), Property("rng", source, self.place("backend"))]
        properties.append(Property("id", self.id, self.place()))
        if self.rate_bytes:
            properties.append(Property("max-bytes", self.rate_bytes, self.place("rate_bytes")))
            properties.append(Property("period", self.rate_period or _PERIOD, self.place("rate_period")))
        properties += self.address_properties(target)
        yield options.DeviceOption(virtio_driver("virtio-rng-pci", self.model), tuple(properties), self.place("model"))

    def _source(self, name: str, target: Target) -> Iterator[options.Option]:
        backend, place = self.backend, self.backend.place("model")
        own: tuple[Property, ...] = ()
        if backend.model == "egd":
            yield from backend.emit_chardev(self.id, target)
            own = (Property("chardev", f"char{self.id}", place),)
        elif backend.model == "random":
            own = (Property("filename", backend.file, backend.place("path")),)
        yield options.Object(f"rng-{backend.model}", name, own, place)
