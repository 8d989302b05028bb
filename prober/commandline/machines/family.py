"""The form in which a family of machines says what it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

MachineKind = Literal["pc", "q35", "isapc", "microvm", "none", "virt", "other"]

#: A place on a PCI bus: bus, slot, function.
PciPlace: TypeAlias = tuple[int, int, int]

#: What is known of the functions of a slot: whether each said that it is one of several; None where it need not say.
Functions: TypeAlias = Mapping[int, bool | None]

#: From the first version of QEMU on that has it at all.
ALWAYS: tuple[int, int, int] = (0, 0, 0)

#: QEMU's names of the targets that emulate x86.
X86_TARGETS = frozenset({"x86_64", "i386", "i686"})


@dataclass(frozen=True, kw_only=True)
class OwnFunctions:
    """Functions of a slot that the machine itself takes, unless it is told not to have what sits there.

    ``goes_with`` is what: ``acpi``, ``usb`` (which has to be asked for), or the key of ``-machine`` that switches it
    off.
    """

    slot: int
    functions: Functions
    goes_with: str


@dataclass(frozen=True, kw_only=True)
class RootBus:
    """The PCI bus that a machine has of itself.

    ``name`` is QEMU's, ``model`` libvirt's of its controller.  ``taken`` are the functions that the machine occupies
    there whatever is left out, by slot, ``optional`` those that hang on something.  ``reserved`` are the places that no
    device of a domain is given: those of what libvirt has no element for (11.3, ``qemuDomainValidateDevicePCISlots…``).
    ``host`` is QEMU's device that makes the bus, where it has ``pci-hole64-size``; empty where it has none.
    """

    name: Literal["pci.0", "pcie.0"]
    model: Literal["pci-root", "pcie-root"]
    taken: Mapping[int, Functions]
    optional: tuple[OwnFunctions, ...] = ()
    reserved: tuple[PciPlace, ...] = ()
    host: str = ""

    @property
    def is_express(self) -> bool:
        """Whether it is PCI Express, on which devices sit behind ports."""
        return self.model == "pcie-root"


@dataclass(frozen=True, kw_only=True)
class UsbDefaults:
    """USB of which the XML says nothing (libvirt 11.3, ``qemuDomainDefaultUSBControllerModel`` and
    ``…AutoAdded``).

    ``models`` are tried in turn for a controller without a model, ``added`` for one that is not there at all: the first
    that the binary has is taken.  Where it has none, an unnamed model is the first, and nothing is added.
    """

    models: tuple[str, ...] = ("piix3-uhci",)
    added: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Chipset:
    """What libvirt has a place for on the machine's own buses, because real hardware of the kind has it there.

    A place is that of a device which the machine brings along, ``None`` where it has none; ``spots`` are where such a
    device is put, if it is there and the spot is free.
    """

    ide: PciPlace | None = None
    sata: PciPlace | None = None
    usb: PciPlace | None = None
    floppy: bool = False
    usb2_spots: tuple[PciPlace, ...] = ()
    video_spots: tuple[PciPlace, ...] = ()
    sound_spots: tuple[PciPlace, ...] = ()
    bridge_spots: tuple[PciPlace, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SerialPorts:
    """The serial ports that a machine has.

    ``model`` is what sits behind them: ``isa-serial`` is a device of its own, any other is part of the machine and is
    told by ``-serial``.  ``most`` is how many there can be, None where nobody counted; ``later`` says from which
    version of QEMU on there can be more.
    """

    model: Literal["isa-serial", "pl011", "16550a"] = "isa-serial"
    most: int | None = None
    later: tuple[tuple[int, int, int], int] | None = None

    def most_of(self, version: tuple[int, int, int]) -> int | None:
        """How many there can be with a QEMU of this version."""
        return self.later[1] if self.later is not None and version >= self.later[0] else self.most

    @property
    def are_built_in(self) -> bool:
        """Whether they are part of the machine, and no devices."""
        return self.model != "isa-serial"


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What libvirt takes where the XML does not say (11.3, ``qemu_postparse.c``, ``qemu_domain.c``).

    ``card`` and ``scsi`` are models, or empty where they go by what the binary has; ``video`` a type, or empty for the
    same; ``input_bus`` the bus of mice and keyboards; ``panic`` a model, or empty where the XML has to name one.
    """

    card: str = ""
    scsi: str = ""
    video: str = ""
    input_bus: Literal["ps2", "usb"] = "ps2"
    panic: Literal["isa", "pvpanic", ""] = "isa"
    has_memballoon: bool = True
    has_ps2: bool = True


#: Which of ACPI and UEFI cannot be had without the other; ``none`` where both go alone.
Needs: TypeAlias = Literal["uefi-needs-acpi", "acpi-needs-uefi", "none"]


@dataclass(frozen=True, kw_only=True)
class MachineFamily:
    """One family of machines.  What a field leaves out is not known, or there is none of it.

    ``names`` fits QEMU's canonical names, ``targets`` are the binaries that have it (empty: any).  ``is_translated`` is
    whether a domain with such a machine becomes a command line; of the others it is only known what the check uses.
    """

    kind: MachineKind
    names: re.Pattern[str]
    targets: frozenset[str] = X86_TARGETS
    is_translated: bool = False

    # Buses and devices as QEMU has them (``info qtree``).
    root: RootBus | None = None
    #: The key of ``-machine`` that gives the machine a PCI bus, which it has not without.
    pci_switch: str = ""
    #: The devices that a machine is made of, without any option; of two families these are all.
    builtin: frozenset[str] = frozenset()
    #: Others that it has, where not all are known; and those that come with USB.
    further: tuple[str, ...] = ()
    usb: tuple[str, ...] = ()
    #: Types of buses that it has of itself beside PCI, and those of which it has none whatever is asked of it.
    own_buses: frozenset[str] = frozenset()
    without_buses: frozenset[str] = frozenset()
    #: The devices that it takes on its system bus (``machine_class_allow_dynamic_sysbus_dev``), each with the version
    #: of QEMU from which on it does.
    system_bus: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    #: How many IDE buses it has, and units on each; None where it is not known what it makes of drives.
    ide: tuple[int, int] | None = None
    #: The interface of a drive that names none (``MachineClass.block_default_type``), and those of which it makes
    #: nothing.
    drive_interface: str = "ide"
    no_drives: frozenset[str] = frozenset()
    #: Whether it has transports of virtio that are no PCI devices (virtio-mmio), for domains that ask for them.
    has_mmio: bool = False
    #: How it takes DIMMs: where it has ACPI, where its ``firmware`` has tables of ACPI to work with as well and its CPU
    #: has 64 bits, or ``always``; empty where it takes none, or nobody looked.
    dimms: Literal["acpi", "firmware", "always", ""] = ""
    #: The version of QEMU from which on it has NUMA nodes; None where it never has.
    numa_since: tuple[int, int, int] | None = ALWAYS
    #: The version of QEMU from which on its ``fw_cfg`` is there when devices are made; None where it has none.
    fw_cfg_since: tuple[int, int, int] | None = ALWAYS
    #: The least memory that it has, in bytes.
    least_memory: int = 0
    #: The levels of CPUs that it has beside sockets, cores and threads (``smp_props``).
    smp_levels: frozenset[str] = frozenset()
    #: Its network card, and whether it makes a display of itself.
    card: str = ""
    has_display: bool = True
    serial: SerialPorts = SerialPorts()
    #: Whether it was looked at how guests number its PCI buses, and with that what they call their network cards.
    is_numbered: bool = False

    # What libvirt makes of it.
    #: The device that offers ACPI to guests, and has the properties of sleep and hot-plug; empty where there is none.
    acpi_device: str = ""
    chipset: Chipset = Chipset()
    usb_defaults: UsbDefaults = UsbDefaults()
    defaults: Defaults = Defaults()
    #: The model of expander buses that it takes; empty where it takes none.
    expander: str = ""
    #: Its own watchdogs, by libvirt's model.
    watchdogs: frozenset[str] = frozenset()
    #: The models of IOMMU that it can have.
    iommus: frozenset[str] = frozenset()
    #: The version of QEMU from which on it has a model, where that is known to be later than the model itself.
    iommus_since: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    firmware: Needs = "none"
    #: More virtual CPUs than this need an IOMMU with Intel's extended interrupts, or cannot be had; None: no matter.
    most_without_eim: int | None = None
    #: Whether it has system management mode that can guard flash, and keeps memory for it.
    has_smm_flash: bool = False
    #: Elements of ``<features>`` that this family has, and not all others.
    features: frozenset[str] = frozenset()
    #: QEMU's name of a TPM, by libvirt's model, and the version of an emulated ``tpm-tis`` that names none.
    tpms: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({"tpm-tis": "tpm-tis", "tpm-crb": "tpm-crb"})
    )
    tis_version: Literal["1.2", "2.0"] = "2.0"
    #: How QEMU's types of CPUs end (``cortex-a57-arm-cpu``); empty where that is the name of the target.
    cpu_suffix: str = ""
    #: Whether QEMU's own CPU model for the machine can be run by KVM.
    runs_own_cpu: bool = True
    #: Whether its ACPI is switched by ``-no-acpi`` where it is not by ``-machine acpi=`` (before QEMU 8.0).
    has_no_acpi_option: bool = True
    #: Timers of ``<clock>`` that it has.
    timers: frozenset[str] = frozenset()
    #: Types of memory modules that it takes.
    memory_models: frozenset[str] = frozenset()

    @property
    def has_pci(self) -> bool:
        """Whether it has PCI without being asked."""
        return self.root is not None
