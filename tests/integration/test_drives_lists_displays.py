"""What QEMU itself says of lists in key=value form, of places of drives, and of displays that are not installed.

Each line is started as it stands, and held against the check: QEMU starts with what the check takes, and with nothing
that it refuses.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prober.capabilities import Capabilities, Verdict
from prober.commandline.check import check
from prober.commandline.json_form import check_json
from prober.commandline.parse import parse_command_line
from prober.commandline.refusal import Kind
from prober.errors import RefusedError
from tests.conftest import QemuPlace, aio
from tests.integration.real_qemu import Ended, capabilities_of, shared_directory, translate_for, try_qemu

_NONE = "-nodefaults -display none -machine none"
_MEMORY = f"{_NONE} -object memory-backend-ram,id=m,size=64M,policy=bind"

#: Lists in the options that QEMU reads by their keys.
LISTS = (
    f"{_MEMORY},host-nodes=0",
    f"{_MEMORY},host-nodes=0-0",
    f"{_MEMORY},host-nodes=0,host-nodes=0",
    f"{_MEMORY},host-nodes.0=0",
    f"{_MEMORY},host-nodes=3-1",
    f"{_MEMORY},host-nodes=0,host-nodes=x",
    f"{_NONE} -object memory-backend-ram,id=m,size=64M,size=32M",
    f"{_NONE} -netdev user,id=n,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:0-:23",
    f"{_NONE} -netdev user,id=n,hostfwd.0.str=tcp:127.0.0.1:0-:22",
    f"{_NONE} -netdev user,id=n,net=10.0.0.0/8,net=10.1.0.0/16",
    f"{_NONE} -blockdev null-co,node-name=a -blockdev quorum,node-name=q,vote-threshold=1,children.0=a",
    f"{_NONE} -blockdev null-co,node-name=a -blockdev quorum,node-name=q,vote-threshold=1,children=a",
    "-nodefaults -display none -machine pc -smp 2 -m 64 -object memory-backend-ram,id=m,size=64M "
    "-numa node,memdev=m,cpus=0,cpus=1",
    "-nodefaults -display none -machine pc -smp 2 -m 64 -object memory-backend-ram,id=m,size=64M "
    "-numa node,memdev=m,cpus=x,cpus=1",
)

_OWN = "-blockdev null-co,node-name=n -device ide-hd,drive=n"

#: Drives and their places; ``A`` and ``B`` are images.
DRIVES = (
    "-machine pc A",
    "-machine pc A B",
    "-machine pc -hda A B",
    "-machine pc -hda A -hdb B",
    "-machine pc -cdrom A -hdc B",
    "-machine pc -drive file=A,format=raw -hda B",
    "-machine pc -hda A -drive file=B,format=raw",
    "-machine pc -drive file=A,format=raw,index=4",
    "-machine pc -drive file=A,format=raw,unit=2",
    "-machine pc -drive file=A,format=raw,index=1,unit=1",
    "-machine pc -drive file=A,format=raw,if=virtio,index=30",
    "-machine pc -drive file=A,format=raw,if=scsi",
    "-machine pc -fda A -drive file=B,format=raw,if=floppy,index=0",
    "-machine pc -fda A -drive file=B,format=raw,if=none,id=f -device floppy,drive=f,unit=0",
    "-machine pc -fda A -drive file=B,format=raw,if=none,id=f -device floppy,drive=f,unit=1",
    f"-machine pc {_OWN},bus=ide.0,unit=0 A",
    f"-machine pc {_OWN},bus=ide.0,unit=1 A",
    f"-machine pc {_OWN},bus=ide.0 A",
    f"-machine pc {_OWN},bus=ide.0 -hda A -hdb B",
    f"-machine pc {_OWN},bus=ide.1,unit=0 -cdrom A",
    f"-machine q35 {_OWN},bus=ide.0 A",
    f"-machine q35 {_OWN},bus=ide.1 A",
    f"-machine q35 {_OWN},bus=ide.2 -cdrom A",
    "-machine q35 -drive file=A,format=raw,index=6",
    "-machine q35 -drive file=A,format=raw,unit=1",
    f"-machine isapc -cpu 486 {_OWN},bus=ide.0,unit=0 A",
    f"-machine isapc -cpu 486 {_OWN},bus=ide.0,unit=1 A",
)

_DISK = """<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>d</name>
<memory unit='MiB'>64</memory><numatune><memory mode='strict' nodeset='0'/></numatune>
<os><type arch='x86_64' machine='{machine}'>hvm</type></os><features><acpi/></features><devices>
<disk type='file' device='cdrom'><target dev='{dev}' bus='{bus}'/></disk></devices>
<qemu:commandline>{args}</qemu:commandline></domain>"""


def wrong(words: list[str], caps: Capabilities) -> list[str]:
    """What the check refuses."""
    line = parse_command_line(["qemu", *words])
    found = [*line.findings, *check_json(line.written, caps), *check(line.options, caps)]
    return [str(finding) for finding in found if finding.kind in (Kind.error, Kind.ignored)]


def start(place: QemuPlace, words: list[str]) -> Ended:
    return aio(try_qemu(place, (place.binary, *words)), debug=False)


@pytest.fixture(name="images")
def _images(any_qemu: QemuPlace) -> Iterator[dict[str, str]]:
    with shared_directory(any_qemu) as (ours, theirs):
        for name in "AB":
            (ours / name).write_bytes(bytes(1 << 20))
        yield {name: str(theirs / name) for name in "AB"}


@pytest.mark.parametrize("line", LISTS)
def test_lists_are_judged_as_qemu_reads_them(any_qemu: QemuPlace, line: str) -> None:
    ended = start(any_qemu, line.split())
    assert bool(wrong(line.split(), capabilities_of(any_qemu))) is (ended.status != 0), ended


@pytest.mark.parametrize("line", DRIVES)
def test_drives_are_placed_as_qemu_does(any_qemu: QemuPlace, images: dict[str, str], line: str) -> None:
    words = ["-nodefaults", "-display", "none"]
    for word in line.split():
        words.append(images.get(word) or ",".join(_with_image(part, images) for part in word.split(",")))
    ended = start(any_qemu, words)
    assert bool(wrong(words, capabilities_of(any_qemu))) is (ended.status != 0), ended


def _with_image(part: str, images: dict[str, str]) -> str:
    key, _, value = part.partition("=")
    return f"{key}={images[value]}" if value in images else part


@pytest.mark.parametrize(("machine", "dev", "bus"), [("pc", "hda", "ide"), ("q35", "sda", "sata")])
def test_a_domain_with_a_word_that_is_a_disk(
    any_qemu: QemuPlace, images: dict[str, str], machine: str, dev: str, bus: str
) -> None:
    """Refused where the word takes the domain's own place, and started beside it; with memory on a node of the host."""
    args = f"<qemu:arg value='{images['A']}'/>"
    with pytest.raises(RefusedError) as caught:
        translate_for(any_qemu, _DISK.format(machine=machine, dev=dev, bus=bus, args=args))
    assert "a word without a dash" in str(caught.value.refusals[0])
    beside = _DISK.format(machine=machine, dev=f"{dev[:-1]}b", bus=bus, args=args)
    argv = translate_for(any_qemu, beside).argv
    assert any("host-nodes" in word for word in argv)
    assert start(any_qemu, list(argv[1:])).status == 0
    without = translate_for(any_qemu, _DISK.format(machine=machine, dev=dev, bus=bus, args="")).argv
    ended = start(any_qemu, [*without[1:], images["A"]])
    assert ended.status == 1
    assert "IDE unit 0 is in use" in ended.stderr or "Can't create IDE unit 1" in ended.stderr


def schema_values(caps: Capabilities, command: str, path: list[str], *, returned: bool = False) -> tuple[str, ...]:
    """The values of an enum in a command's arguments or what it returns."""
    schema = caps.schema_
    assert schema is not None
    entity = schema.command(command)
    if entity is None:
        return ()
    if not returned:
        outcome, found = schema.find_member(command, path)
        assert outcome == "found"
        assert isinstance(found, dict)
        return schema.enum_values(str(found["name"]))
    members = schema.members_with(str(entity["ret-type"]), None, {})
    return schema.enum_values(members[path[0]].type)


def test_displays_that_are_not_listed_do_not_start(any_qemu: QemuPlace) -> None:
    caps = capabilities_of(any_qemu)
    known = schema_values(caps, "query-display-options", ["type"], returned=True)
    gone = [name for name in known if caps.supports(f"-display {name}").verdict is Verdict.absent]
    assert "gtk" in gone, "Debian has it in a package of its own, which is not installed"
    assert caps.supports("-display none").is_present
    for name in gone:
        words = f"-nodefaults -machine none -display {name}".split()
        ended = start(any_qemu, words)
        assert ended.status == 1
        assert f"'{name}' is not available" in ended.stderr
        assert wrong(words, caps)


def test_audio_drivers_that_are_not_listed_do_not_start(any_qemu: QemuPlace) -> None:
    caps = capabilities_of(any_qemu)
    if any_qemu.name == "5.2":
        assert caps.supports("-audiodev pa").verdict is Verdict.unknown
        return
    assert caps.supports("-audiodev wav").is_present
    for name in ("pa", "sdl", "jack"):
        words = f"{_NONE} -audiodev {name},id=a".split()
        ended = start(any_qemu, words)
        # QEMU 11.1.2 looks for a module that is not there, and dies of what it finds.
        assert ended.status == (-11 if any_qemu.name == "11.1" else 1), ended
        assert wrong(words, caps)


def test_character_devices_are_listed_or_do_not_start(any_qemu: QemuPlace) -> None:
    caps = capabilities_of(any_qemu)
    names = schema_values(caps, "chardev-add", ["backend", "type"])
    for name in names:
        evidence = caps.supports(f"-chardev {name}")
        words = f"{_NONE} -chardev {name},id=a".split()
        if evidence.verdict is Verdict.absent:
            assert "is not a valid char driver name" in start(any_qemu, words).stderr
            assert wrong(words, caps)
        elif name in ("null", "ringbuf", "memory", "vc", "qemu-vdagent"):
            assert start(any_qemu, words).status == 0
            assert not wrong(words, caps)
    assert caps.supports("-chardev spicevmc").is_present is (any_qemu.name in ("5.2", "installed"))


def test_the_words_of_a_package(qemu_binary: str) -> None:
    """Debian 12's QEMU names the package of what it does not find."""
    place = QemuPlace("installed", qemu_binary)
    evidence = capabilities_of(place).supports("-display gtk")
    assert evidence.error is not None
    assert evidence.error in start(place, ["-nodefaults", "-machine", "none", "-display", "gtk"]).stderr
