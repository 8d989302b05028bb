"""Devices for a guest that runs, as the commands that plug them in and take them out; what cannot be is refused."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from prober.capabilities import Capabilities
from prober.commandline.qmp import check_commands
from prober.domain.domain import Domain
from prober.errors import RefusedError, UnreadableDomainError
from prober.qemu.decoding import load_recording
from prober.translate.pipeline import translate
from prober.translate.plug_models import PlugTranslation
from prober.translate.plug_translate import translate_plug
from prober.translate.read import read_domain
from tests.conftest import CHECKOUT
from tests.hosts import on_host
from tests.recordings import FIXTURES

RING = "<controller type='pci' model='pcie-root'/>" + 10 * "<controller type='pci' model='pcie-root-port'/>"


@cache
def caps(version: str = "10.0.13") -> Capabilities:
    return Capabilities.from_recording(load_recording(FIXTURES / f"qemu-{version}.replies.xz"))


def domain(machine: str, devices: str = "") -> Domain:
    """A guest with room for memory and CPUs, a disk and a card."""
    return read_domain(
        f"""<domain type='qemu'><name>vm</name><memory unit='MiB'>512</memory>
        <maxMemory slots='2' unit='GiB'>4</maxMemory><vcpu current='1'>3</vcpu>
        <os><type arch='x86_64' machine='{machine}'>hvm</type></os>
        <cpu mode='custom'><model>qemu64</model><numa><cell id='0' cpus='0-2' memory='512' unit='MiB'/></numa></cpu>
        <features><acpi/></features><devices>{RING if machine == "q35" else ""}
        <controller type='scsi' model='virtio-scsi'/><controller type='usb' model='qemu-xhci'/>
        <disk type='file'><source file='/a.qcow2'/><driver type='qcow2'/><target dev='vda' bus='virtio'/></disk>
        <interface type='user'><model type='virtio'/></interface>{devices}</devices></domain>""".encode()
    )


def plug(machine: str, *devices: str, unplug: tuple[str, ...] = (), version: str = "10.0.13") -> PlugTranslation:
    xml = [device.encode() for device in devices]
    return translate_plug(domain(machine), xml, unplug, caps(version), binary="qemu")


def commands(told: PlugTranslation) -> list[tuple[str, dict[str, Any]]]:
    return [(one.execute, one.arguments) for device in told.devices for one in device.commands]


def disk(name: str, bus: str, more: str = "") -> str:
    source = f"<source file='/{name}.raw'/><driver type='raw'/>"
    return f"<disk type='file'>{source}<target dev='{name}' bus='{bus}'/>{more}</disk>"


CARD = "<interface type='user'><model type='virtio'/></interface>"
RNG = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"


def on(bus: str, addr: str = "0x0") -> dict[str, Any]:
    return {"bus": bus, "addr": addr}


@pytest.mark.parametrize(
    ("machine", "device", "wanted"),
    [
        ("pc", CARD, [
            ("netdev_add", {"type": "user", "id": "hostnet1"}),
            ("device_add", {"driver": "virtio-net-pci", "netdev": "hostnet1", "id": "net1", **on("pci.0", "0x7")}),
        ]),
        ("q35", CARD.replace("/></i", "/><alias name='ua-lan'/></i"), [
            ("netdev_add", {"type": "user", "id": "hostua-lan"}),
            ("device_add", {"driver": "virtio-net-pci", "netdev": "hostua-lan", "id": "ua-lan", **on("pci.6")}),
        ]),
        ("q35", disk("vdb", "virtio", "<address type='pci' bus='8' slot='0'/>"), [
            ("blockdev-add", {"driver": "file", "filename": "/vdb.raw", "node-name": "libvirt-2-storage",
                              "read-only": False}),
            ("device_add", {"driver": "virtio-blk-pci", **on("pci.8"), "drive": "libvirt-2-storage",
                            "id": "virtio-disk1"}),
        ]),
        ("pc", disk("sda", "usb"), [
            ("blockdev-add", {"driver": "file", "filename": "/sda.raw", "node-name": "libvirt-2-storage",
                              "read-only": False}),
            ("device_add", {"driver": "usb-storage", "bus": "usb.0", "port": "1", "drive": "libvirt-2-storage",
                            "id": "usb-disk0", "removable": False}),
        ]),
        ("q35", "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>", [
            ("object-add", {"qom-type": "memory-backend-ram", "id": "memdimm0", "size": 128 << 20}),
            ("device_add", {"driver": "pc-dimm", "node": 0, "memdev": "memdimm0", "id": "dimm0", "slot": 0}),
        ]),
        ("pc", "<vcpu>2</vcpu>", [
            ("device_add", {"driver": "qemu64-x86_64-cpu", "id": "vcpu1", "socket-id": 1, "core-id": 0,
                            "thread-id": 0}),
        ]),
        ("q35", "<vcpus><vcpu id='2' enabled='yes'/></vcpus>", [
            ("device_add", {"driver": "qemu64-x86_64-cpu", "id": "vcpu2", "socket-id": 2, "core-id": 0,
                            "thread-id": 0}),
        ]),
        ("q35", RNG, [
            ("object-add", {"qom-type": "rng-random", "id": "objrng0", "filename": "/dev/urandom"}),
            ("device_add", {"driver": "virtio-rng-pci", "rng": "objrng0", "id": "rng0", **on("pci.6")}),
        ]),
        ("pc", "<controller type='scsi' model='virtio-scsi'/>", [
            ("device_add", {"driver": "virtio-scsi-pci", "id": "scsi1", **on("pci.0", "0x7")}),
        ]),
        ("pc", "<input type='tablet' bus='usb'/>", [
            ("device_add", {"driver": "usb-tablet", "id": "input0", "bus": "usb.0", "port": "1"}),
        ]),
        ("pc", "<watchdog model='i6300esb' action='poweroff'/>", [
            ("watchdog-set-action", {"action": "poweroff"}),
            ("device_add", {"driver": "i6300esb", "id": "watchdog0", **on("pci.0", "0x7")}),
        ]),
        ("pc", "<shmem name='s'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>", [
            ("object-add", {"qom-type": "memory-backend-file", "id": "shmmem-shmem0", "mem-path": "/dev/shm/s",
                            "size": 4 << 20, "share": True}),
            ("device_add", {"driver": "ivshmem-plain", "id": "shmem0", "memdev": "shmmem-shmem0",
                            **on("pci.0", "0x7")}),
        ]),
        ("q35", "<redirdev bus='usb' type='tcp'><source mode='connect' host='h' service='4'/></redirdev>", [
            ("chardev-add", {"id": "charredir0", "backend": {"type": "socket", "data": {
                "addr": {"type": "inet", "data": {"host": "h", "port": "4"}}, "server": False}}}),
            ("device_add", {"driver": "usb-redir", "chardev": "charredir0", "id": "redir0", "bus": "usb.0",
                            "port": "1"}),
        ]),
        # The controller that it needs comes with it.
        ("q35", "<console type='pty'><target type='virtio'/></console>", [
            ("device_add", {"driver": "virtio-serial-pci", "id": "virtio-serial0", **on("pci.6")}),
            ("chardev-add", {"id": "charconsole0", "backend": {"type": "pty", "data": {}}}),
            ("device_add", {"driver": "virtconsole", "chardev": "charconsole0", "id": "console0"}),
        ]),
        ("pc", "<hostdev mode='subsystem' type='pci'><source><address bus='1' slot='0'/></source></hostdev>", [
            ("device_add", {"driver": "vfio-pci", "host": "0000:01:00.0", "id": "hostdev0", **on("pci.0", "0x7")}),
        ]),
    ],
)  # fmt: skip
def test_a_device_becomes_its_commands(machine: str, device: str, wanted: list[tuple[str, dict[str, Any]]]) -> None:
    told = plug(machine, device)
    assert commands(told) == wanted
    # Each is what this binary takes, and the argv is that of the domain without the device.
    every = [one for device_told in told.devices for one in device_told.commands]
    assert check_commands(every, caps()) == []
    assert told.argv == translate(domain(machine), caps(), binary="qemu").argv
    # Taken out in the reverse order.
    back = {"device_add": "device_del", "object-add": "object-del", "netdev_add": "netdev_del",
            "blockdev-add": "blockdev-del", "chardev-add": "chardev-remove"}  # fmt: skip
    assert [one.execute for one in told.devices[0].out] == [back[name] for name, _ in reversed(wanted) if name in back]


@pytest.mark.parametrize("version", ["5.2.0", "7.2.22", "10.0.13", "11.1.2"])
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_one_device_after_the_other_finds_those_before_it(machine: str, version: str) -> None:
    told = plug(machine, CARD, disk("sdb", "scsi"), RNG, CARD, disk("vdb", "virtio"), version=version)
    devices = [arguments for name, arguments in commands(told) if name == "device_add"]
    assert [one["id"] for one in devices] == ["net1", "scsi0-0-0-1", "rng0", "net2", "virtio-disk1"]
    places = [(one["bus"], one.get("addr")) for one in devices if one["bus"].startswith("pci")]
    assert len(set(places)) == 4
    nodes = [arguments["node-name"] for name, arguments in commands(told) if name == "blockdev-add"]
    assert len(set(nodes)) == len(nodes)
    assert not any(node in " ".join(told.argv) for node in nodes)


def test_a_descriptor_has_a_name_and_whoever_passes_it_is_told() -> None:
    told = plug("q35", "<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>")
    ((_, netdev), _) = commands(told)
    assert netdev == {"type": "tap", "fd": "tap-net1", "id": "hostnet1"}
    need, made_up = told.devices[0].needs
    assert (made_up.kind, made_up.name) == ("made-up", "net1")  # the card has no address of its own
    assert (need.kind, need.name, need.command, need.key, need.value) == ("tap", "net1", 1, "fd", "tap-net1")


@pytest.mark.parametrize(
    ("machine", "device", "said"),
    [
        ("q35", disk("sdc", "sata"), "nothing can be plugged into a port of IDE or SATA while the guest runs"),
        ("pc", disk("hda", "ide"), "nothing can be plugged into a port of IDE or SATA while the guest runs"),
        ("pc", "<serial type='pty'/>", "nothing can be plugged into the ISA bus while the guest runs"),
        ("pc", "<video><model type='vga'/></video>", "a VGA comes with the machine: QEMU plugs none in"),
        ("q35", CARD.replace("/></i", "/><address type='pci' bus='0' slot='9'/></i"), "pcie.0 takes no hot-plug"),
        ("q35", "<watchdog model='i6300esb' action='reset'/>", "the guest has no free slot"),
        ("pc", "<tpm model='tpm-crb'><backend type='emulator'/></tpm>", "-tpmdev is for the start of QEMU alone"),
        ("pc", "<vcpu>4</vcpu>", "the guest has room for 3 CPUs"),
        ("pc", "<vcpu>1</vcpu>", "the guest has these CPUs already"),
        ("pc", "<vcpus><vcpu id='7' enabled='yes'/></vcpus>", "vcpu 7 is beyond the last, which is 2"),
        ("pc", "<memory model='dimm'><target><size unit='GiB'>8</size><node>0</node></target></memory>",
         "<maxMemory> is less than <memory>"),
        ("pc", disk("vda", "virtio"), ""),
        ("pc", "<nosuch/>", "not understood: element <nosuch>"),
        ("pc", "<emulator>/usr/bin/qemu</emulator>", "<emulator> is no device"),
        ("pc", "<disk type='file'/>", "<target dev=…> is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_plugged_in_is_refused(machine: str, device: str, said: str) -> None:
    with pytest.raises(RefusedError) as refused:
        plug(machine, RNG, f"\n{device}")
    assert refused.value.device == 2
    messages = [refusal.message for refusal in refused.value.refusals]
    assert any(message.startswith(said) for message in messages), messages
    assert {refusal.place.line for refusal in refused.value.refusals} <= {2}


def test_what_is_no_xml_is_told_with_its_number() -> None:
    with pytest.raises(UnreadableDomainError) as told:
        plug("pc", RNG, "<disk")
    assert told.value.device == 2


def test_what_is_there_is_taken_out_with_what_it_alone_has() -> None:
    told = plug("q35", unplug=("net0", "virtio-disk0"))
    assert [[(one.execute, *one.arguments.values()) for one in part.out] for part in told.unplugged] == [
        [("device_del", "net0"), ("netdev_del", "hostnet0")],
        [
            ("device_del", "virtio-disk0"),
            ("blockdev-del", "libvirt-1-format"),
            ("blockdev-del", "libvirt-1-storage"),
        ],
    ]
    with pytest.raises(RefusedError, match="no device 'net7'"):
        plug("q35", unplug=("net7",))


def test_aliases_that_came_while_the_guest_ran_are_not_guessed() -> None:
    of_start = CARD.replace("/></i", "/><alias name='net1'/></i")
    guest = domain("pc", of_start)
    told = translate_plug(guest, [CARD.encode()], (), caps(), binary="qemu")
    assert [arguments["id"] for _, arguments in commands(told)] == ["hostnet2", "net2"]
    later = domain("pc", of_start.replace("net1", "net2"))
    with pytest.raises(RefusedError, match="it runs as net2, and a guest that is started now would have it as net1"):
        translate_plug(later, [CARD.encode()], (), caps(), binary="qemu")


#: With what a device is refused that finds no place in a guest; never with what the guest has already.
#: A device that a domain hands to QEMU itself may be in the slot that is next.
_NO_PLACE = {"domain/plug-slot", "domain/plug-bus", "domain/assign-pci", "line/pci-slot", "domain/plug-alias"}


@pytest.mark.slow
def test_nothing_of_a_guest_changes_for_a_device() -> None:
    """Of all domains that are cases of the translation."""
    seen = 0
    for path in sorted((CHECKOUT / "tests" / "cases").glob("*.xml")):
        try:
            guest = read_domain(path.read_bytes())
            plain = translate(guest, caps(), binary="qemu")
        except (RefusedError, UnreadableDomainError):
            continue
        try:
            told = translate_plug(guest, [RNG.encode()], (), caps(), binary="qemu")
        except RefusedError as error:
            assert {refusal.rule for refusal in error.refusals} <= _NO_PLACE, path
            continue
        seen += 1
        assert told.argv == plain.argv
        assert {name for name, _ in commands(told)} <= {"object-add", "device_add"}, path
    assert seen > 50


def test_what_was_settled_of_the_guest_is_not_held_against_a_device() -> None:
    """A domain without <cpu> has QEMU's own CPU, which runs as far as the host goes."""
    asked = f"""<domain type='kvm'><name>vm</name><memory unit='MiB'>512</memory><features><acpi/></features>
    <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{RING}</devices></domain>"""
    host = on_host(caps(), "qemu64", without=["pni"])
    told = translate_plug(read_domain(asked.encode()), [CARD.encode()], (), host, binary="qemu", is_here=True)
    assert [execute for execute, _ in commands(told)] == ["netdev_add", "device_add"]
