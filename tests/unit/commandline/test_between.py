"""What options say of one another: references, buses, slots, names, and globals that nothing reads."""

from __future__ import annotations

import pytest

from prober.capabilities import Capabilities
from prober.commandline.check import check
from prober.commandline.parse import parse_command_line, split_shell
from prober.commandline.refusal import Kind
from tests.recordings import FIXTURES, load_capabilities, without_lists

CAPS = {version: load_capabilities(FIXTURES / f"qemu-{version}.replies.xz") for version in ("5.2.0", "11.1.2")}
#: With displays and character devices on D-Bus, whose modules the others lack.
DBUS = load_capabilities(FIXTURES / "qemu-7.2.22.replies.xz")
NODE = "-blockdev null-co,node-name=n"
PORT = "-device pcie-root-port,id=rp,chassis=1,addr=4"


def bad(line: str, version: str = "11.1.2", caps: Capabilities | None = None) -> list[str]:
    """The messages of all that is wrong with a line."""
    parsed = parse_command_line(["qemu", *split_shell(line)])
    found = [*parsed.findings, *check(parsed.options, caps or CAPS[version])]
    assert not [finding for finding in found if finding.kind is Kind.unknown], found
    return [finding.message for finding in found if finding.kind in (Kind.error, Kind.ignored)]


@pytest.mark.parametrize("version", CAPS)
@pytest.mark.parametrize(
    "line",
    [
        f"-M pc {NODE} -device virtio-blk-pci,drive=n,bus=pci.0,addr=9",
        "-M pc -device virtio-scsi-pci,id=s -drive if=none,id=d,file=/a,cache=none,readonly=on "
        "-device scsi-hd,bus=s.0,drive=d",
        f"-M q35 {PORT} -device e1000e,bus=rp,addr=0",
        f"-M q35 {PORT},multifunction=on -device pcie-root-port,id=b,chassis=2,addr=4.1",
        "-M q35 -device ahci,id=a -device ide-cd,bus=a.5 -device ide-cd,bus=ide.2",
        "-M pc -device virtio-serial-pci -device virtserialport,bus=virtio-serial-bus.0",
        "-M q35 -device intel-hda -audiodev none,id=a -device hda-micro,bus=hda.0,audiodev=a",
        "-chardev null,id=a -chardev mux,id=b,chardev=a",
        "-M pc -device piix3-usb-uhci -device usb-hub,bus=usb-bus.0,port=1 -device usb-tablet,bus=usb-bus.0,port=1.2",
        "-M q35 -device i82801b11-bridge -device pci-bridge,bus=pci.0,chassis_nr=1",
        "-blockdev null-co,node-name=a -blockdev raw,node-name=b,file=a",
        "-object secret,id=k,data=a -blockdev luks,node-name=b,file.driver=null-co,key-secret=k",
        "-object throttle-group,id=t -blockdev throttle,node-name=b,throttle-group=t,file.driver=null-co",
        "-M pc -global PIIX4_PM.disable_s3=1 -global virtio-net-pci.mq=on",
        "-M q35,memory-backend=pc.ram -m 64 -object memory-backend-ram,id=pc.ram,size=64M",
        "-netdev socket,id=a,udp=127.0.0.1:1,localaddr=127.0.0.1:2",
        "-m 64 -object memory-backend-ram,id=m,size=64M,host-nodes=0-1,policy=bind -smp 4 -numa node,cpus=0-3,memdev=m",
        "-M pc -object can-bus,id=c -object can-host-socketcan,id=h,if=can0,canbus=c -device kvaser_pci,canbus=c",
        "-netdev user,id=n -chardev null,id=c -object filter-mirror,id=f,netdev=n,outdev=c",
    ],
)
def test_sound(line: str, version: str) -> None:
    assert bad(line, version) == []


def test_memory_is_allocated_in_a_context_that_is_there() -> None:
    memory = "-object memory-backend-ram,id=m,size=1M,prealloc-context=t"
    assert "prealloc-context names an object 't'" in str(bad(memory))
    assert bad(f"-object thread-context,id=t {memory}") == []


@pytest.mark.parametrize("version", CAPS)
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-M pc -device virtio-blk-pci,drive=n", "drive names a block node or drive 'n'"),
        (f"-M pc {NODE} -device virtio-blk-pci,drive=n,bus=pci.1", "no bus 'pci.1'"),
        (f"-M q35 {NODE} -device virtio-blk-pci,drive=n,bus=pci.0", "no bus 'pci.0'"),
        (f"-M q35 -device e1000e,bus=rp {PORT}", "no bus 'rp'"),
        ("-M pc -device virtio-scsi-pci,id=s -device scsi-cd,bus=s", "no bus 's'"),
        ("-M pc -device scsi-cd,bus=s.0", "no bus 's.0'"),
        ("-M q35 -device e1000 -audiodev none,id=a -device hda-micro,bus=hda.0,audiodev=a", "no bus 'hda.0'"),
        (f"-M q35 {PORT} -device e1000e,addr=4", "another device has it"),
        (f"-M q35 {PORT} -device pcie-root-port,id=b,chassis=2,addr=4.1", "no multifunction=on"),
        (f"-M q35 -device e1000e,addr=4.1 {PORT}", "this one has no multifunction=on"),
        ("-M q35 -device e1000e,addr=0", "another device has it"),
        (f"{NODE} {NODE}", "is called 'n' already"),
        ("-blockdev raw,node-name=b,file=a", "file names a block node or drive 'a'"),
        ("-blockdev raw,file.driver=null-co", "needs a node-name"),
        ("-blockdev luks,node-name=b,file.driver=null-co,key-secret=k", "key-secret names an object 'k'"),
        ("-blockdev throttle,node-name=b,throttle-group=t,file.driver=null-co", "throttle-group names an object"),
        ("-M q35 -global PIIX4_PM.disable_s3=1", "has no PIIX4_PM, and QEMU would ignore this"),
        ("-M pc,acpi=off -global PIIX4_PM.disable_s3=1", "without ACPI has no PIIX4_PM"),
        ("-M pc -global nope.x=1", "has no nope, and would ignore this"),
        ("-M q35 -m 64 -object memory-backend-ram,id=pc.ram,size=64M", "is the name of the memory"),
        ("-netdev socket,id=a,localaddr=127.0.0.1:2", "a socket netdev needs one of"),
        ("-netdev socket,id=a,udp=127.0.0.1:1", "udp needs localaddr"),
        ("-object secret,id=a", "secret needs data or file"),
        ("-object iothread,id=1a", "is no id"),
        ("-numa node,memdev=m", "memdev names an object 'm'"),
        ("-netdev user,id=n -object filter-mirror,id=f,netdev=n,outdev=c", "outdev names a chardev 'c'"),
        ("-netdev user,id=n -object filter-redirector,id=f,netdev=n,indev=c", "indev names a chardev 'c'"),
        ("-object can-host-socketcan,id=h,if=can0,canbus=c", "canbus names an object 'c'"),
        ("-M pc -device kvaser_pci,canbus=c", "canbus names an object 'c'"),
        (
            "-m 64 -object memory-backend-ram,id=m,size=64M -numa node,cpus=a,memdev=m",
            "cpus.0 is 'a', not a whole number",
        ),
        ("-device isa-debugcon", "cannot be without chardev"),
        ("-device PIIX4_PM", "is no device that -device can make"),
        ("-drive if=non,file=/a", "if is one of"),
        ("-drive file=/a,frob=1", "has no -drive.frob"),
        ("-smbios type=1,asset=a", "has no -smbios asset"),
        ("-rtc base=noon", "-rtc base is"),
        ("-m 64,slots=1", "needs maxmem"),
        ("-machine pc,smm=yes", "smm is one of auto, on, off"),
        ("-mon chardev=c", "chardev names a chardev 'c'"),
        ("-netdev hubport,id=h,hubid=1,netdev=n", "netdev names a netdev 'n'"),
        ("-netdev vhost-user,id=h,chardev=c", "chardev names a chardev 'c'"),
        ("-M pc -device usb-tablet", "no bus of type usb-bus"),
        ("-chardev mux,id=a,chardev=c", "chardev names a chardev 'c'"),
        ("-chardev mux,id=a", "-chardev mux needs chardev"),
    ],
)
def test_spoilt(line: str, message: str, version: str) -> None:
    found = bad(line, version)
    assert len(found) == 1, found
    assert message in found[0]


def test_a_channel_of_dbus_has_a_name() -> None:
    assert bad("-chardev dbus,id=a", caps=DBUS) == ["-chardev dbus needs name"]
    assert bad("-chardev dbus,id=a,name=b", caps=DBUS) == []


def test_a_hub_lies_over_chardevs() -> None:
    assert bad("-chardev hub,id=h") == ["-chardev hub needs chardevs.0"]
    assert bad("-chardev hub,id=h,chardevs.0=c") == [
        "chardevs.0 names a chardev 'c', which is not on this command line"
    ]
    assert bad("-chardev null,id=c -chardev hub,id=h,chardevs.0=c") == []


@pytest.mark.parametrize("backend", ["tty", "parport"])
def test_backends_that_are_gone(backend: str) -> None:
    line = f"-chardev {backend},id=a,path=/dev/null"
    assert (bad(line, "5.2.0"), bad(line)) == ([], [f"QEMU 11.1.2 has no chardev-add.backend.type.{backend}"])
    assert bad(f"-chardev {backend},id=a", "5.2.0") == [f"-chardev {backend} needs path"]


def test_a_number_is_no_list() -> None:
    device = '{"driver":"virtio-balloon-pci","guest-stats-polling-interval":[]}'
    assert bad(f"-device '{device}'") == ["guest-stats-polling-interval is not a list or an object"]


def test_ids_of_devices_in_json() -> None:
    line = """-device '{"driver":"e1000","id":"1a"}'"""
    assert bad(line) == ["'1a' is no id: letters, digits, - . and _, beginning with a letter"]
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    for ident, kinds in (("1a", []), ("a/b", [Kind.unknown]), ("", [Kind.unknown])):
        parsed = parse_command_line(["qemu", *split_shell(line.replace("1a", ident))])
        assert [finding.kind for finding in check(parsed.options, caps)] == kinds


def test_devices_in_json_are_made_last() -> None:
    port = """-device '{"driver":"pcie-root-port","id":"rp","chassis":1}'"""
    assert bad(f"-M q35 {port} -device e1000e,bus=rp") == ["there is no bus 'rp' when this device is made"]


def test_audiodevs_of_one_name() -> None:
    line = "-audiodev none,id=a -audiodev none,id=a"
    assert (bad(line, "5.2.0"), bad(line)) == ([], ["an audiodev is called 'a' already"])


@pytest.mark.parametrize(
    ("version", "line", "part"),
    [
        ("7.2.22", "-object secret,id=a,data=x,loaded=on", "loaded"),
        (
            "10.0.13",
            "-blockdev gluster,node-name=x,volume=a,path=b,server.0.type=unix,server.0.path=/x",
            "driver.gluster",
        ),
    ],
)
def test_what_the_schema_calls_deprecated_is_said(version: str, line: str, part: str) -> None:
    caps = load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")
    options = parse_command_line(["qemu", *split_shell(line)]).options
    (finding,) = check(options, without_lists(caps), assume_unknown_present=True)
    assert (finding.kind, finding.part) == (Kind.deprecated, part)
