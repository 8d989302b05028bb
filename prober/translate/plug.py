"""Devices for a guest that runs: what ``virsh attach-device`` takes, as the QMP commands that plug them in.

    domain ──complete──▶ as it runs ─┬─ its options ──────────┐
    device ──read──▶ added behind it ┴─▶ options with it ──▶ what is new of them ──▶ QMP commands

A guest that runs has its aliases, addresses and controllers already: they are pinned before a device is added, which is
completed as libvirt completes a new one.  Whatever would have to change of the guest's own options is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from prober.capabilities import Capabilities
from prober.commandline.check import check
from prober.commandline.device_types import device_type
from prober.commandline.options import DeviceOption, Keyval, Option, Plain, Qapi, Raw, meant
from prober.commandline.prepared import find_needs, number_descriptors
from prober.commandline.qmp import QmpCommand, command_of
from prober.commandline.refusal import Place, Refusal, as_refusals
from prober.commandline.render import render_each
from prober.devices.controller.pci import PciController
from prober.devices.disk import Disk
from prober.devices.hostdev import ScsiHostdev
from prober.devices.memory import MemoryModule
from prober.domain.domain import Domain
from prober.domain.shared.address import PciAddress
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices
from prober.errors import RefusedError
from prober.guest.hotplug.outcome import find_hotplug
from prober.guest.hotplug.port import PortHotplug
from prober.host.host import Host
from prober.host.target import Target
from prober.translate.descriptor_names import with_names
from prober.translate.order import emit
from prober.translate.pipeline import refusals_in_order
from prober.translate.plug_models import PlugCommands, PlugNeed
from prober.translate.plug_vcpus import place_of_root, with_vcpus
from prober.translate.steps import complete_into
from prober.translate.target import find_target
from prober.xml.document import parse_xml
from prober.xml.reader import Reader

#: Buses that take nothing later (QEMU 5.2 to 11.1: no ``hotplug-handler`` on any of them).
_FIXED_BUSES = {
    "IDE": "a port of IDE or SATA",
    "ISA": "the ISA bus",
    "HDA": "the bus of an HDA controller",
    "floppy-bus": "a floppy controller",
    "virtio-bus": "virtio-mmio",
}

#: Screens, and what else is made with the machine alone (QEMU 5.2 to 11.1: ``hotpluggable`` of the class is off).
_FIXED_TYPES = frozenset(
    ("VGA", "ati-vga", "cirrus-vga", "qxl-vga", "virtio-gpu-pci", "virtio-vga", "vmware-svga", "virtio-iommu-pci",
     "intel-iommu", "amd-iommu")
)  # fmt: skip

#: Options of which one is made for the host's part of a device, and given to a running QEMU with other means.
_PASSED = "-add-fd"


@dataclass(frozen=True)
class RunningGuest:
    """A domain as it runs: completed, with what its options are."""

    domain: Domain
    target: Target
    assume_unknown_present: bool = False

    @property
    def options(self) -> list[Option | Raw]:
        """Its options, whose descriptors have no numbers yet."""
        return emit(self.domain, self.target)


def find_running(
    domain: Domain,
    capabilities: Capabilities,
    *,
    host: Host | None = None,
    is_here: bool = False,
    assume_unknown_present: bool = False,
) -> RunningGuest:
    """The guest that this domain is once it runs on this binary, as libvirt would have started it.

    :raise RefusedError: with every reason why it is none.
    """
    target = find_target(domain, capabilities, None, host or Host(), None, is_here=is_here)
    refusals = [*domain.not_understood]
    completed = complete_into(refusals, domain, target)
    refusals += _renamed(completed)
    if refusals:
        raise RefusedError(refusals_in_order(refusals))
    return RunningGuest(completed, target, assume_unknown_present)


def _renamed(domain: Domain) -> Iterator[Refusal]:
    """Devices that run with other aliases than they would start with: some were plugged in or out meanwhile."""
    for device in domain.devices.every:
        if device.user_alias is not None and device.own_name is None and device.user_alias != device.alias:
            message = f"it runs as {device.user_alias}, and a guest that is started now would have it as {device.alias}"
            hint = "aliases that a guest got while it ran are not followed: leave all of libvirt's own out"
            yield Refusal(place=device.place("user_alias"), message=message, hint=hint, rule="domain/plug-alias")


def plug_in(guest: RunningGuest, xml: bytes) -> tuple[PlugCommands, RunningGuest]:
    """The commands that plug a device in, and the guest that has it then.

    :raise UnreadableDomainError: where it is not readable as XML.
    :raise RefusedError: with every reason, at places in this XML; where more than the device would have to change, too.
    """
    root = parse_xml(xml)
    asked = with_vcpus(guest.domain, root) if root.tag in ("vcpu", "vcpus") else _with_device(guest, root)
    refusals: list[Refusal] = []
    completed = _with_names_of(guest.domain, complete_into(refusals, asked, guest.target), guest.target)
    refusals = [*_of_the_device(refusals, guest)]
    after = RunningGuest(completed, guest.target, guest.assume_unknown_present)
    options = after.options
    place = place_of_root(root)
    new, otherwise = _new_options(guest, options, place)
    refusals += [*_against(guest, after, new, place)] or otherwise
    if not refusals:
        findings = check(
            meant(number_descriptors(options).options),
            guest.target.caps,
            assume_unknown_present=guest.assume_unknown_present,
        )
        refusals += as_refusals(findings, assume_unknown_present=guest.assume_unknown_present)
    if refusals:
        raise RefusedError(refusals_in_order(refusals))
    return _commands(new, [*guest.options, *new]), after


def _of_the_device(refusals: list[Refusal], guest: RunningGuest) -> Iterator[Refusal]:
    """Those that do not stand against the guest without the device as well: it runs, and what was settled of it (the
    CPU that QEMU has where none is asked for) is nothing that anybody asks now."""
    if refusals:
        own: list[Refusal] = []
        complete_into(own, guest.domain, guest.target)
        yield from (refusal for refusal in refusals if refusal not in own)


def hotplug_of(guest: RunningGuest) -> tuple[PortHotplug, ...]:
    """What the guest sees of hot-plug on each PCI bus."""
    return tuple(find_hotplug(guest.domain, guest.target))


def _with_device(guest: RunningGuest, root: etree._Element) -> Domain:
    """The domain with the device behind its own."""
    wrapper = etree.Element("devices")
    wrapper.append(root)
    reader = Reader()
    read = reader.read(Devices, wrapper, "")
    refusals = reader.all_refusals()
    if read is None or refusals or len(read.every) != 1:
        place = place_of_root(root)
        none = Refusal(place=place, message=f"<{str(root.tag)[:64]}> is no device", rule="domain/plug-device")
        raise RefusedError(refusals or [none])
    (device,) = read.every
    domain = guest.domain.with_devices([*guest.domain.devices.every, device])
    if isinstance(device, MemoryModule):
        # It is a part of <memory>, which grows with it (libvirt, ``qemuDomainAttachMemory``).
        more = guest.domain.memory.kibibytes + device.size.kibibytes
        domain = domain.replace(memory=domain.memory.replace(value=more, unit="KiB"))
    return domain


def _with_names_of(before: Domain, after: Domain, target: Target) -> Domain:
    """The nodes of images keep their names; those of what is new come behind all others."""
    disks = {disk.alias: disk for disk in before.devices.of(Disk)}
    units = {unit.alias: unit for unit in before.devices.of(ScsiHostdev)}
    free = 1 + max(
        (*(disk.last_number for disk in disks.values()), *(unit.node or 0 for unit in units.values())), default=0
    )

    def disk_named(disk: Disk) -> Disk:
        known = disks.get(disk.alias)
        if known is not None:
            return disk.replace(node=known.node, first_filter=known.first_filter)
        return disk.replace(node=free, first_filter=free + (disk.image_count(target) or 1))

    def unit_named(unit: ScsiHostdev) -> ScsiHostdev:
        known = units.get(unit.alias)
        return unit.replace(node=free if known is None else known.node)

    return after.with_each(Disk, disk_named).with_each(ScsiHostdev, unit_named)


def _new_options(guest: RunningGuest, options: list[Option | Raw], place: Place) -> tuple[list[Option], list[Refusal]]:
    """What the guest has not yet, and what it would have to have otherwise."""
    caps = guest.target.caps
    new: list[Option] = []
    before = Counter(map(tuple, render_each(guest.options, caps)))
    for option, words in zip(options, render_each(options, caps), strict=True):
        key = tuple(words)
        if before[key]:
            before[key] -= 1
        elif not isinstance(option, Raw):
            new.append(option)
    texts = [
        f"the guest would have to be started otherwise than with {' '.join(words)[:200]}" for words in before.elements()
    ]
    return new, [Refusal(place=place, message=text, rule="domain/plug-otherwise") for text in texts]


def _against(guest: RunningGuest, after: RunningGuest, new: list[Option], place: Place) -> Iterator[Refusal]:
    """What speaks against plugging these in, as far as the guest's buses and QEMU's commands tell."""
    before = {id(device) for device in guest.domain.devices.every}
    names = {device.alias for device in guest.domain.devices.every}
    ports = {port.controller: port for port in hotplug_of(guest)}
    for device in after.domain.devices.every:
        if id(device) not in before and device.alias not in names:
            yield from _against_device(device, guest.target, ports, place)
    for option in new:
        if isinstance(option, DeviceOption):
            bus = device_type(option.driver, guest.target.caps).sits_on
            if option.driver in _FIXED_TYPES:
                message = f"a {option.driver} comes with the machine: QEMU plugs none in while the guest runs"
                yield Refusal(place=place, message=message, rule="domain/plug-type")
            if bus in _FIXED_BUSES:
                message = f"nothing can be plugged into {_FIXED_BUSES[bus]} while the guest runs"
                yield Refusal(place=place, message=message, rule="domain/plug-bus")
        elif _command_of(option) is None and not _is_passed(option):
            flag = option.flag if isinstance(option, (Keyval, Qapi, Plain)) else "-global"
            message = f"{flag} is for the start of QEMU alone: no QMP command makes the same"
            yield Refusal(place=place, message=message, rule="domain/plug-command")


def _against_device(device: Device, target: Target, ports: dict[str, PortHotplug], place: Place) -> Iterator[Refusal]:
    if isinstance(device, PciController) and device.places.own.path.startswith("/domain"):
        message = "the guest has no free slot that this device could be plugged into"
        hint = "start it with one more: <controller type='pci' model='pcie-root-port'/>"
        yield Refusal(place=place, message=message, hint=hint, rule="domain/plug-slot")
        return
    address = getattr(device, "address", None)
    port = ports.get(device.pci_bus(target)) if isinstance(address, PciAddress) else None
    if port is not None and port.hotplug == "none":
        message = f"{port.controller} takes no hot-plug that a guest sees: {'; '.join(port.rules)}"
        hint = "write an <address> on a bus that does"
        yield Refusal(place=place, message=message, hint=hint, rule="domain/plug-bus")


def _is_passed(option: Option) -> bool:
    return isinstance(option, (Keyval, Plain)) and option.flag == _PASSED


def _command_of(option: Option) -> QmpCommand | None:
    """The command of an option; what a watchdog does is one of its own."""
    if isinstance(option, Plain) and option.flag == "-watchdog-action":
        return QmpCommand(execute="watchdog-set-action", arguments={"action": option.value})
    return command_of(option)


def _commands(new: list[Option], every: list[Option | Raw]) -> PlugCommands:
    """The commands of these options, the last of all, with what the host has to prepare for each."""
    numbered = number_descriptors(every).options[len(every) - len(new) :]
    commands: list[QmpCommand] = []
    needs: list[PlugNeed] = []
    for option in numbered:
        if isinstance(option, Raw):
            continue
        option = with_names(option)
        for found in find_needs(option):
            need, number = found.need, len(commands) + 1
            more = {"command": number, "key": found.key, "value": found.text}
            needs.append(PlugNeed(kind=need.kind, name=need.name, todo=need.todo, **more))
        command = _command_of(option)
        if command is not None:
            commands.append(command)
    # Before its device is there.
    commands.sort(key=lambda one: one.execute != "watchdog-set-action")
    return PlugCommands.of(commands, needs)
