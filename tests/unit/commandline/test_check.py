"""Every option is held against what the binary says, and what it says is shown."""

from __future__ import annotations

import pytest

from prober.capabilities import Capabilities, Verdict
from prober.commandline.check import SOUND_OPTIONS
from prober.commandline.check import check as find
from prober.commandline.options import DeviceOption, Global, Keyval, Object, Option, Plain, Property, Qapi, Value
from prober.commandline.refusal import Finding, Kind, Place
from tests.recordings import FIXTURES, LIBVIRT, load_capabilities

HERE = Place(line=7, path="/domain/devices/x")
OLD = load_capabilities(FIXTURES / "qemu-5.2.0.replies.xz")
NEW = load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz")


def pairs(**values: Value) -> tuple[Property, ...]:
    return tuple(Property(name.replace("_", "-"), value, HERE) for name, value in values.items())


def check(options: list[Option], caps: Capabilities) -> list[Finding]:
    """The findings about options by themselves: a single option refers to others that are not there."""
    return [finding for finding in find(options, caps) if "not on this command line" not in finding.message]


def refusals(option: Option, *, old: bool = False) -> list[Finding]:
    found = check([option], OLD if old else NEW)
    assert all(refusal.place == HERE for refusal in found)
    return found


GOOD: list[Option] = [
    DeviceOption("virtio-blk-pci", (*pairs(drive="d", bootindex=1, addr="0x9"), Property("bus", "pci.0", HERE)), HERE),
    DeviceOption("ahci", pairs(id="sata0"), HERE),
    Global("PIIX4_PM", Property("acpi-root-pci-hotplug", False, HERE)),
    Object("memory-backend-ram", "ram", pairs(size=1), HERE),
    Qapi("-blockdev", "blockdev-add", "driver", {"driver": "file", "node-name": "n", "filename": "/a"}, HERE),
    Qapi("-netdev", "netdev_add", "type", {"type": "user", "id": "n"}, HERE),
    Qapi("-audiodev", "", "driver", {"id": "a", "driver": "none"}, HERE),
    Keyval("-machine", "q35", pairs(usb=False, memory_backend="pc.ram"), HERE),
    Keyval("-accel", "tcg", (), HERE),
    Keyval("-cpu", "qemu64", (), HERE),
    Keyval("-m", "", pairs(size="1k"), HERE, group="memory"),
    Keyval("-chardev", "pty", pairs(id="c"), HERE),
    Plain("-nodefaults", None, HERE),
]


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("option", GOOD, ids=repr)
def test_what_is_there_passes(option: Option, old: bool) -> None:
    assert refusals(option, old=old) == []


@pytest.mark.parametrize(
    ("option", "fact", "message", "hint"),
    [
        (DeviceOption("virtio-blk-pcj", (), HERE), "virtio-blk-pcj", "has no virtio-blk-pcj", "virtio-blk-pci"),
        (DeviceOption("e1000", pairs(mak="x"), HERE), "e1000.mak", "has no e1000.mak", "mac"),
        (DeviceOption("e1000", pairs(multifunction="on"), HERE), "e1000.multifunction", "is on or off, not 'on'", ""),
        (
            DeviceOption("virtio-blk-pci", pairs(drive="d", bootindex=2**31), HERE),
            "virtio-blk-pci.bootindex",
            "from -2147483648 to",
            "",
        ),
        (Global("PIIX4_PM", Property("acpi-root", False, HERE)), "PIIX4_PM.acpi-root", "has no PIIX4_PM.acpi-root", ""),
        (
            Object("memory-backend-ram", "r", pairs(size="1"), HERE),
            "object-add.size",
            "size is '1', not a whole number",
            "",
        ),
        (Object("memory-backend-rom", "r", (), HERE), "object-add.qom-type", "is not one of its values", "backend-ram"),
        (
            Qapi(
                "-blockdev", "blockdev-add", "driver", {"driver": "null-co", "node-name": "n", "red-only": True}, HERE
            ),
            "blockdev-add.red-only",
            "red-only is not known",
            "did you mean read-only",
        ),
        (
            Qapi("-blockdev", "blockdev-add", "driver", {"driver": "file", "node-name": "n"}, HERE),
            "blockdev-add.filename",
            "filename is missing",
            "",
        ),
        (Qapi("-x", "no-such-command", "y", {}, HERE), "no-such-command", "has no no-such-command", ""),
        (
            Qapi("-audiodev", "", "driver", {"id": "a", "driver": "nun"}, HERE),
            None,
            "driver is 'nun', which is not one of",
            "",
        ),
        (Keyval("-machine", "q36", (), HERE), "q36", "has no machine q36", "q35"),
        (Keyval("-machine", "pc", pairs(usb=False, nope=1), HERE), "pc-i440fx-11.1.nope", "has no", ""),
        (Keyval("-accel", "kwm", (), HERE), "kwm-accel", "has no kwm-accel", "kvm-accel"),
        (Keyval("-cpu", "qemu65", (), HERE), "qemu65", "has no CPU model qemu65", "qemu64"),
        (Keyval("-boot", "", pairs(strikt=True), HERE, group="boot-opts"), "-boot-opts.strikt", "has no", "strict"),
        (Keyval("-realtime", "", pairs(mlock=False), HERE), "-realtime", "has no -realtime", ""),
        (Keyval("-chardev", "ptty", pairs(id="c"), HERE), "chardev-add.backend.type.ptty", "has no", "pty"),
        (Plain("-snapshto", None, HERE), "-snapshto", "no QEMU from 5.2 to 11.1 has an option -snapshto", "-snapshot"),
        (Plain("-soundhw", "hda", HERE), "-soundhw", "has no -soundhw", ""),
        (Plain("-no-acpi", None, HERE), "-no-acpi", "has no -no-acpi", "acpi=off"),
    ],
    ids=repr,
)
def test_what_is_not_is_refused(option: Option, fact: str | None, message: str, hint: str) -> None:
    found = refusals(option)
    assert len(found) == 1, [str(refusal) for refusal in found]
    assert message in found[0].message
    assert hint in found[0].hint
    if fact is not None:
        assert found[0].qemu_name == fact


def test_no_acpi_is_for_the_old() -> None:
    assert refusals(Plain("-no-acpi", None, HERE), old=True) == []


def test_one_fact_is_refused_once() -> None:
    devices: list[Option] = [DeviceOption("e1000", pairs(nope=1), HERE)] * 3
    assert len(check(devices, NEW)) == 1


@pytest.mark.libvirt
def test_unknown_is_its_own_kind() -> None:
    path = LIBVIRT / "replies" / "qemu-10.0.0.replies.xz"
    partial = load_capabilities(path)
    (finding,) = check([DeviceOption("pci-bridge", (Property("chassis_nr", 1, HERE),), HERE)], partial)
    assert finding.evidence is not None
    assert (finding.kind, finding.evidence.verdict) == (Kind.unknown, Verdict.unknown)
    absent: list[Option] = [
        DeviceOption("e1000", pairs(mac="52:54:00:00:00:01"), HERE),
        DeviceOption("no-such", (), HERE),
    ]
    assert [(r.qemu_name, r.kind) for r in check(absent, partial)] == [
        ("e1000.mac", Kind.unknown),
        ("no-such", Kind.error),
    ]


def test_what_is_remembered_is_told_from_its_like() -> None:
    # Capabilities that no other test has: what is remembered belongs to the object.
    caps = load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz").model_copy()
    good: Option = Keyval("-machine", "q35", pairs(usb=False), HERE)
    for _ in range(2):
        assert check([good], caps) == []
    assert len(SOUND_OPTIONS.of(caps)) == 1
    for bad in (0, "off", "nonsense"):
        option: Option = Keyval("-machine", "q35", pairs(usb=bad), HERE)
        for _ in range(2):
            assert len(check([option], caps)) == 1
    assert len(SOUND_OPTIONS.of(caps)) == 1


@pytest.mark.parametrize("name", ["", ".", "a b", "no-such-type"])
def test_an_object_of_no_known_type_is_refused(name: str) -> None:
    assert refusals(Object(name, "o", (), HERE))


def test_an_object_is_refused_that_the_schema_has_and_the_binary_has_not() -> None:
    caps = load_capabilities(FIXTURES / "qemu-7.2.22.replies.xz")
    assert caps.has("object-add.qom-type.cryptodev-backend-lkcf")
    (found,) = check([Object("cryptodev-backend-lkcf", "o", (), HERE)], caps)
    assert found.message.startswith("QEMU 7.2.22 has no cryptodev-backend-lkcf")
    # Its type is there where the host has SGX, which is not known of the host that runs the guest.
    assert check([Object("memory-backend-epc", "o", pairs(size=4096), HERE)], caps) == []
