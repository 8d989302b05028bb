"""``<memory>`` in ``<devices>``: modules of memory, plugged in besides what the guest starts with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Broken
from prober.domain.memory.backing import MemoryAccess
from prober.domain.shared.address import DimmAddress, PciAddress
from prober.domain.shared.device import Device
from prober.domain.shared.memory import MemorySize, Wanted
from prober.domain.shared.slots import Kinds, Plug
from prober.domain.shared.virtio import VirtioDevice
from prober.host.target import Target
from prober.xml.binding import At, Becomes, Neutral
from prober.xml.values import AbsolutePath, Count, HexAmount, NumberSet, YesNo

#: The least that a block of virtio-mem is, in KiB: the size of x86's transparent huge pages.
_LEAST_BLOCK = 2048


class MemoryModule(Device):
    """A module of memory.  ``number``, ``backend`` and ``prealloc`` are filled in by completing."""

    element = "memory"
    tag = "model"

    #: QEMU's device.
    driver: ClassVar[str] = ""
    #: Whether it takes one of the slots of ``<maxMemory>``.
    needs_slot: ClassVar[bool] = False
    #: Whether it belongs to a NUMA node of the guest, and must say which.
    has_node: ClassVar[bool] = True

    model: Annotated[str, At("@model"), Becomes("QEMU's device")]
    access: Annotated[MemoryAccess | None, At("@access"), Becomes("`share` of its backend")] = None
    discard: Annotated[YesNo | None, At("@discard"), Becomes("`discard-data` of its backend, in a file")] = None
    size: Annotated[MemorySize, At("target/size"), Becomes("`size` of its backend")]
    node: Annotated[Count | None, At("target/node"), Becomes("`node`")] = None

    #: Its place among modules of its model that the user gave no name.
    number: int = 0
    #: A tuple of :class:`options.Object`; pydantic cannot describe their values, which are trees.
    backend: Any = ()
    prealloc: bool = False

    def name_for(self, number: int, target: Target) -> str:
        """libvirt's alias for it (``qemuDeviceMemoryGetAliasID``)."""
        return f"{self.alias_prefix}{self.number}"

    def rules(self) -> Iterator[Broken]:
        """It has a size."""
        if self.size.value == 0:
            yield Broken("size", "a module of memory has a size")

    def wanted(self) -> Wanted:
        """What it asks of its backend."""
        return Wanted(**self.wishes())

    def wishes(self) -> dict[str, Any]:
        """The fields of :class:`Wanted` that all modules fill."""
        name = self.alias or ""
        return {
            "id": f"mem{name}",
            "file": name,
            "kibibytes": self.size.kibibytes,
            "cell": self.node,
            "access": self.access,
            "discard": self.discard,
            "place": self.place("size"),
        }

    def machine_properties(self) -> Iterator[Property]:
        """What the machine has to be told for it; said once, however many modules say it."""
        return iter(())

    def range(self) -> tuple[int, int] | None:
        """Where in the guest's memory it begins and ends, in bytes, if the domain says."""
        return None

    def device_properties(self) -> Iterator[Property]:
        """What stands between ``node`` and ``memdev``."""
        return iter(())

    def emit(self, target: Target) -> Iterator[options.Option]:
        """Its backend, and the device."""
        yield from self.backend
        properties = self.properties()
        if self.node is not None:
            properties.append(Property("node", self.node, self.place("node")))
        properties += self.device_properties()
        properties.append(Property("memdev", f"mem{self.id}", self.place()))
        properties += self.late_properties()
        properties.append(Property("id", self.id, self.place()))
        properties += self.address_properties(target)
        yield options.DeviceOption(self.driver, tuple(properties), self.place())

    def late_properties(self) -> Iterator[Property]:
        """What stands after ``memdev``."""
        return iter(())


class SlotModule(MemoryModule):
    """A module in a slot, with a place in the guest's memory."""

    needs_slot = True

    address: Annotated[DimmAddress | None, At("address"), Becomes("`slot` and `addr`")] = None

    def name_for(self, number: int, target: Target) -> str:
        """By its slot (``qemuDeviceMemoryGetAliasID``)."""
        slot = self.address.slot if self.address is not None else None
        return f"{self.alias_prefix}{slot or 0}"

    @property
    def mapped(self) -> int:
        """How much of the guest's memory it takes, in bytes."""
        return self.size.kibibytes * 1024

    def range(self) -> tuple[int, int] | None:
        """From its address on."""
        if self.address is None or not self.address.base:
            return None
        return self.address.base, self.address.base + self.mapped


class _PagedModule(MemoryModule):
    """A module whose pages and nodes of the host can be chosen."""

    page_size: Annotated[
        MemorySize | None, At("source/pagesize"), Becomes("the mount that `mem-path` leads to, or `hugetlbsize`")
    ] = None
    nodemask: Annotated[NumberSet | None, At("source/nodemask/."), Becomes("`host-nodes` of its backend")] = None

    def wishes(self) -> dict[str, Any]:
        """Its pages and nodes, too."""
        pages = self.page_size.kibibytes if self.page_size is not None else 0
        own = {"page_size": pages, "nodes": self.nodemask, "nodes_place": self.place("nodemask")}
        return super().wishes() | own


class Dimm(_PagedModule, SlotModule):
    """``model='dimm'``: usual memory."""

    tag = ""
    driver = "pc-dimm"
    alias_prefix = "dimm"


class Nvdimm(SlotModule):
    """``model='nvdimm'``: memory that is a file, and outlasts the guest."""

    tag = ""
    driver = "nvdimm"
    alias_prefix = "nvdimm"

    path: Annotated[AbsolutePath | None, At("source/path"), Becomes("`mem-path`")] = None
    align: Annotated[MemorySize | None, At("source/alignsize"), Becomes("`align`")] = None
    pmem: Annotated[bool, At("source/pmem"), Becomes("`pmem`")] = False
    label: Annotated[MemorySize | None, At("target/label/size"), Becomes("`label-size`")] = None
    readonly: Annotated[bool, At("target/readonly"), Becomes("`unarmed`")] = False

    def rules(self) -> Iterator[Broken]:
        """libvirt's rules (11.3, ``virDomainMemoryDefValidate``)."""
        yield from super().rules()
        if self.path is None:
            yield Broken("", "model='nvdimm' needs <source><path>")
        if self.discard:
            yield Broken("discard", "what is in an NVDIMM is kept, not discarded")
        if self.label is not None and 0 < self.label.kibibytes < 128:
            yield Broken("label", "the label of an NVDIMM has at least 128 KiB")
        if self.label is not None and self.label.kibibytes >= self.size.kibibytes:
            yield Broken("label", "the label of an NVDIMM is smaller than all of it")

    @property
    def mapped(self) -> int:
        """All but the label, which is mapped elsewhere (``virDomainMemoryGetMappedSize``)."""
        step = self.align.kibibytes if self.align is not None and self.align.value else 4
        label = self.label.kibibytes if self.label is not None else 0
        return (self.size.kibibytes - -(-label // step) * step) * 1024

    def wishes(self) -> dict[str, Any]:
        """Its file, too."""
        extra = []
        if self.align is not None and self.align.value:
            extra.append(Property("align", self.align.kibibytes * 1024, self.place("align")))
        if self.pmem:
            extra.append(Property("pmem", True, self.place("pmem")))
        own = {
            "path": self.path,
            "path_place": self.place("path"),
            "fills_file": not self.pmem,
            "extra": tuple(extra),
        }
        return super().wishes() | own

    def machine_properties(self) -> Iterator[Property]:
        """The machine's ACPI tables tell of NVDIMMs only if it is asked."""
        yield Property("nvdimm", True, self.place())

    def device_properties(self) -> Iterator[Property]:
        """Its label, and that it is not to be written."""
        if self.label is not None and self.label.value:
            yield Property("label-size", self.label.kibibytes * 1024, self.place("label"))
        if self.readonly:
            yield Property("unarmed", True, self.place("readonly"))


class _VirtioModule(MemoryModule, VirtioDevice):
    """A PCI device with memory."""

    address: Annotated[PciAddress | None, At("address"), Becomes("`bus` and `addr`")] = None
    base: Annotated[HexAmount | None, At("target/address/@base"), Becomes("`memaddr`")] = None

    def plug(self, target: Target) -> Kinds | None:
        """A virtio device."""
        return Plug.virtio(target)

    def range(self) -> tuple[int, int] | None:
        """From its address on."""
        return (self.base, self.base + self.size.kibibytes * 1024) if self.base else None

    def _memaddr(self) -> Iterator[Property]:
        if self.base:
            yield Property("memaddr", self.base, self.place("base"))

    def late_properties(self) -> Iterator[Property]:
        """Where it is mapped."""
        return self._memaddr()


class VirtioPmem(_VirtioModule):
    """``model='virtio-pmem'``: a file, mapped as memory."""

    tag = ""
    driver = "virtio-pmem-pci"
    alias_prefix = "virtiopmem"
    has_node = False

    path: Annotated[AbsolutePath | None, At("source/path"), Becomes("`mem-path`")] = None

    def rules(self) -> Iterator[Broken]:
        """libvirt's rules (11.3, ``virDomainMemoryDefValidate``)."""
        yield from super().rules()
        if self.path is None:
            yield Broken("", "model='virtio-pmem' needs <source><path>")
        if self.discard:
            yield Broken("discard", "what is in the file is kept, not discarded")
        if self.access == "private":
            yield Broken("access", "what the guest writes to virtio-pmem goes to the file: access is shared")
        if self.node is not None:
            yield Broken("node", "virtio-pmem belongs to no NUMA node")
        if self.base is not None and self.base % 4096:
            yield Broken("base", "the address of virtio-pmem is a multiple of 4096")

    def wishes(self) -> dict[str, Any]:
        """Its file, which is shared."""
        own = {"access": "shared", "path": self.path, "path_place": self.place("path")}
        return super().wishes() | own


class VirtioMem(_PagedModule, _VirtioModule):
    """``model='virtio-mem'``: memory that the guest is given and hands back in blocks."""

    tag = ""
    driver = "virtio-mem-pci"
    alias_prefix = "virtiomem"

    block: Annotated[MemorySize | None, At("target/block"), Becomes("`block-size`")] = None
    requested: Annotated[MemorySize | None, At("target/requested"), Becomes("`requested-size`")] = None
    current: Annotated[
        MemorySize | None, At("target/current"), Neutral("how much a running guest has: libvirt reports it")
    ] = None
    dynamic_slots: Annotated[YesNo | None, At("target/@dynamicMemslots"), Becomes("`dynamic-memslots`")] = None

    def rules(self) -> Iterator[Broken]:
        """libvirt's rules (11.3, ``virDomainMemoryDefValidate``)."""
        yield from super().rules()
        block = self.block.kibibytes if self.block is not None else 0
        requested = self.requested.kibibytes if self.requested is not None else 0
        if block < _LEAST_BLOCK or block & (block - 1):
            yield Broken("block", f"virtio-mem needs <block>, a power of two of at least {_LEAST_BLOCK} KiB")
            return
        if requested > self.size.kibibytes:
            yield Broken("requested", "more is requested than the size")
        if requested % block:
            yield Broken("requested", "what is requested is a multiple of the block")
        if self.base is not None and self.base % (block * 1024):
            yield Broken("base", "the address of virtio-mem is a multiple of the block")

    def wishes(self) -> dict[str, Any]:
        """That it is taken from the host as the guest asks for it."""
        return super().wishes() | {"is_lazy": True}

    def device_properties(self) -> Iterator[Property]:
        """Its blocks."""
        if self.block is not None:
            yield Property("block-size", self.block.kibibytes * 1024, self.place("block"))
        if self.requested is not None and self.requested.value:
            yield Property("requested-size", self.requested.kibibytes * 1024, self.place("requested"))

    def late_properties(self) -> Iterator[Property]:
        """Whether what is plugged is taken from the host at once, and how it is mapped."""
        if self.prealloc:
            yield Property("prealloc", True, self.place())
        yield from self._memaddr()
        if self.dynamic_slots is not None:
            yield Property("dynamic-memslots", self.dynamic_slots, self.place("dynamic_slots"))


class SgxEpc(MemoryModule):
    """``model='sgx-epc'``: memory of the host's enclaves, which the machine itself has."""

    tag = ""
    alias_prefix = "epc"
    has_node = False

    nodemask: Annotated[NumberSet | None, At("source/nodemask/."), Becomes("`host-nodes` of its backend")] = None
    #: Its place among all of them, filled in by completing.
    section: int = 0

    def rules(self) -> Iterator[Broken]:
        """An enclave's memory is nobody else's."""
        yield from super().rules()
        for name in ("access", "discard"):
            if getattr(self, name) is not None:
                yield Broken(name, f"{name} has no effect on memory of enclaves")

    def wishes(self) -> dict[str, Any]:
        """Its nodes, too."""
        own = {"nodes": self.nodemask, "nodes_place": self.place("nodemask"), "is_enclave": True}
        return super().wishes() | own

    def machine_properties(self) -> Iterator[Property]:
        """It is no device: the machine is told of it."""
        yield Property(f"sgx-epc.{self.section}.memdev", f"mem{self.id}", self.place())
        yield Property(f"sgx-epc.{self.section}.node", self.node or 0, self.place("node"))

    def emit(self, target: Target) -> Iterator[options.Option]:
        """Its backend."""
        yield from self.backend


MemoryModule.choices = {
    "dimm": Dimm,
    "nvdimm": Nvdimm,
    "virtio-pmem": VirtioPmem,
    "virtio-mem": VirtioMem,
    "sgx-epc": SgxEpc,
}
