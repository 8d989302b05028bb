"""The pipeline as a whole: every recorded version, with and without a monitor, pure from end to end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prober.errors import RefusedError, UsageError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, LIBVIRT, ROOT, load_capabilities

#: Every kind of element that is understood, with nothing that an old QEMU lacks.
PLAIN = """<domain type='qemu'>
  <name>plain</name>
  <uuid>2f5c7e58-3a86-4f0b-9b43-2d6cf0a3a0a1</uuid>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type><kernel>/k</kernel><initrd>/i</initrd></os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
  <devices>
    <disk type='file'><driver name='qemu' type='qcow2'/><source file='/a,b'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file'><source file='/b'/><target dev='sda' bus='sata'/></disk>
    <interface type='user'><mac address='52:54:00:5a:7b:01'/><model type='virtio'/></interface>
    <serial type='unix'><source mode='bind' path='/s'/></serial>
  </devices>
</domain>"""

RECORDED = [*sorted((LIBVIRT / "replies").glob("*.replies.xz")), *sorted(FIXTURES.glob("qemu-[0-9]*.replies.xz"))]


def version_of(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", path.name)[:3])


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize(
    "path", [path for path in RECORDED if version_of(path) >= (2, 1, 1)], ids=lambda path: path.name
)
def test_every_recorded_version_from_2_1_1_on(path: Path, machine: str) -> None:
    version = version_of(path)
    caps = load_capabilities(path)
    domain = read_domain(PLAIN.format(machine=machine).encode())
    partial = path.is_relative_to(LIBVIRT)
    argv = translate(domain, caps, binary="/q", assume_unknown_present=partial).argv
    if partial:
        with pytest.raises(RefusedError, match="it is not known whether"):
            translate(domain, caps, binary="/q")
    text = " ".join(argv)
    # What the binary lacks is not there, what it writes differently is written its way.
    assert ("-blockdev" in argv) is (version >= (2, 9))
    assert ("-drive" in argv) is (version < (2, 9))
    assert ("-accel" in argv) is (version >= (2, 9))
    assert ("accel=tcg" in text) is (version < (2, 9))
    assert ("-overcommit" in argv) is (version >= (3, 1) or "3.1.0" in path.name)
    assert ("-object" in argv) is (version >= (5, 2))
    assert ("-cpu" in argv) is (version >= (4, 2))
    assert ('"driver":"virtio-net-pci"' in text) is (version >= (7, 0))
    assert ("-netdev user,id=hostnet0" in text) is (version < (7, 2))
    assert ("acpi=on" in text) is (version >= (8, 0))
    assert ("-audiodev" in argv) is (version >= (4, 0))


@pytest.mark.parametrize("version", ["5.2.0", "11.1.2"])
def test_a_monitor_and_who_holds_it(version: str) -> None:
    caps = load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")
    domain = read_domain(PLAIN.format(machine="pc").encode())
    alone = translate(domain, caps, binary="/q")
    held = translate(domain, caps, binary="/q", monitor="/run/a,b/qmp.sock")
    assert [(item.kind, item.name) for item in alone.resources] == [("socket", "serial0")]
    assert [(item.kind, item.name) for item in held.resources] == [
        ("monitor", "charmonitor"),
        ("lifecycle", "on_poweroff"),
        ("lifecycle", "on_reboot"),
        ("lifecycle", "on_crash"),
        ("socket", "serial0"),
    ]
    assert "end QEMU" in held.resources[2].todo, "on_reboot is destroy"
    assert "socket,id=charmonitor,path=/run/a,,b/qmp.sock,server=on,wait=off" in held.argv
    # QEMU 11.1 deprecates -mon.
    monitor = '{"qom-type":"monitor-qmp","id":"monitor","chardev":"charmonitor"}'
    assert (monitor in held.argv, "-mon" in held.argv) == ((True, False) if version == "11.1.2" else (False, True))
    assert ("-no-reboot" in alone.argv, "-no-shutdown" in alone.argv) == (True, False)
    assert ("-no-reboot" in held.argv, "-no-shutdown" in held.argv) == (False, True)


@pytest.mark.parametrize("monitor", ["", "relative", "/a\nb", "/" + "a" * 107, "/a\0b"])
def test_a_monitor_that_cannot_be(monitor: str) -> None:
    caps = load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz")
    with pytest.raises(UsageError):
        translate(read_domain(PLAIN.format(machine="pc").encode()), caps, binary="/q", monitor=monitor)


@pytest.mark.parametrize("uri", ["defer", "tcp:0:4444", "unix:/run/a b", "fd:7"])
def test_a_guest_that_ran_before(uri: str) -> None:
    caps = load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz")
    argv = translate(read_domain(PLAIN.format(machine="pc").encode()), caps, binary="/q", incoming=uri).argv
    assert argv[argv.index("-incoming") + 1] == uri


@pytest.mark.parametrize("uri", ["", "exec:rm -rf /", "tcp:", "-S", "unix:/a\nb", "tcp:" + "a" * 5000])
def test_where_no_guest_comes_from(uri: str) -> None:
    caps = load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz")
    with pytest.raises(UsageError):
        translate(read_domain(PLAIN.format(machine="pc").encode()), caps, binary="/q", incoming=uri)


def test_the_same_in_the_same_out() -> None:
    caps = load_capabilities(FIXTURES / "qemu-7.2.22.replies.xz")
    data = (ROOT / "fixtures" / "domains" / "example.xml").read_bytes()
    domain = read_domain(data)
    first = translate(domain, caps, binary="/q")
    assert translate(domain, caps, binary="/q") == first
    assert translate(read_domain(data), caps, binary="/q") == first
    assert type(first).model_validate_json(first.model_dump_json()) == first


def test_a_refusal_carries_its_evidence() -> None:
    caps = load_capabilities(FIXTURES / "qemu-5.2.0.replies.xz")
    text = PLAIN.format(machine="q35").replace("<on_reboot>", "<pm><acpi-hotplug-bridge enabled='no'/></pm><on_reboot>")
    with pytest.raises(RefusedError) as caught:
        translate(read_domain(text.encode()), caps, binary="/q")
    (refusal,) = caught.value.refusals
    assert refusal.qemu_name == "ICH9-LPC.acpi-pci-hotplug-with-bridge-support"
    assert (refusal.place.line, refusal.place.path) == (8, "/domain/pm/acpi-hotplug-bridge/@enabled")
    assert "QEMU 6.1.0 is the first known to have it" in refusal.hint
    assert refusal.evidence.command == "qom-list-properties"
    assert refusal.evidence.arguments == {"typename": "ICH9-LPC"}
    assert "disable_s3" in refusal.evidence.reply


def test_kvm_is_refused_where_qemu_was_built_without() -> None:
    caps = load_capabilities(FIXTURES / "qemu-7.2.22.replies.xz")
    assert caps.kvm is not None
    without = caps.model_copy(update={"kvm": caps.kvm.model_copy(update={"present": False})})
    domain = read_domain(PLAIN.format(machine="pc").replace("type='qemu'", "type='kvm'", 1).encode())
    assert "kvm" in translate(domain, caps, binary="/q").argv
    with pytest.raises(RefusedError, match="has no kvm-accel"):
        translate(domain, without, binary="/q")
