"""What a host has besides images, each kind sound and spoilt, on hosts made for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from prober.host.descriptor import Descriptor
from prober.rehearsal.preflight.model import HostFinding
from tests.unit.rehearsal.preflight.scratch import USER, ScratchHost, domain, found, look, variables

Make = Callable[[ScratchHost], object]

BRIDGE = domain("<interface type='bridge'><source bridge='br0'/><model type='e1000'/></interface>")
MACVTAP = domain("<interface type='direct'><source dev='eth0'/><model type='e1000'/></interface>")
GIVEN = domain(
    "<interface type='ethernet'><target dev='tap7' managed='no'/><model type='e1000'/></interface>",
)
NETWORK = domain("<interface type='network'><source network='default'/><model type='e1000'/></interface>")
VNC = domain("<graphics type='vnc' port='5907' autoport='no' listen='127.0.0.1'/>")
CLIENT = domain("<serial type='unix'><source mode='connect' path='/run/other.sock'/></serial>")
TCP = domain("<serial type='tcp'><source mode='bind' host='0.0.0.0' service='80'/></serial>")
PAGES = domain(more="<memoryBacking><hugepages/></memoryBacking>")
NODE = domain(
    more="<memoryBacking><hugepages/></memoryBacking><numatune><memory mode='strict' nodeset='0'/></numatune>"
)
HOSTDEV = domain(
    "<hostdev mode='subsystem' type='pci' managed='no'><source>"
    "<address domain='0' bus='3' slot='0' function='0'/></source></hostdev>"
)
MANAGED = HOSTDEV.replace(b"managed='no'", b"managed='yes'")
USB = domain(
    "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xabcd'/></source></hostdev>"
)
SCSI = domain(
    "<controller type='scsi' model='virtio-scsi'/><hostdev mode='subsystem' type='scsi'><source>"
    "<adapter name='scsi_host2'/><address bus='0' target='1' unit='4'/></source></hostdev>"
)
EFI = domain(
    boot="<loader readonly='yes' type='pflash'>/fw/CODE.fd</loader><nvram template='/fw/VARS.fd'>/fw/own.fd</nvram>"
)
RNG = domain("<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>")
NINE_P = domain("<filesystem type='mount'><source dir='/srv/shared'/><target dir='x'/></filesystem>")
TPM = domain("<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>")
SECRET = domain(
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/d'><encryption format='luks'>"
    "<secret type='passphrase' uuid='0a81f5b2-8403-7b23-c8d6-21ccc2f80d6f'/></encryption></source>"
    "<target dev='vda' bus='virtio'/></disk>"
)
KERNEL = domain(boot="<kernel>/boot/vmlinuz</kernel>")


def usb(host: ScratchHost, name: str, number: int) -> str:
    base = f"/sys/bus/usb/devices/{name}"
    for key, value in (("idVendor", "1234"), ("idProduct", "abcd"), ("busnum", "1"), ("devnum", str(number))):
        host.write(f"{base}/{key}", f"{value}\n")
    return base


def bridge(host: ScratchHost, flags: str = "0x1003") -> None:
    host.directory("/sys/class/net/br0/bridge")
    host.write("/sys/class/net/br0/flags", flags)


def firmware(host: ScratchHost, own: bytes | None, template: bytes = variables()) -> None:
    host.write("/fw/CODE.fd", bytes(8192))
    host.write("/fw/VARS.fd", template)
    if own is not None:
        host.write("/fw/own.fd", own, 0o666)


def group(host: ScratchHost, *, other: str | None, own: str | None = "vfio-pci", kind: str = "0x020000") -> None:
    host.pci("0000:03:00.0", "7", own)
    host.pci("0000:03:00.1", "7", other, kind)


@pytest.fixture
def host(tmp_path: Path) -> ScratchHost:
    return ScratchHost(tmp_path / "host")


def nothing(_host: ScratchHost) -> None:
    """The host as it is."""


@pytest.mark.parametrize(
    ("make", "xml", "kind", "outlook", "words"),
    [
        pytest.param(nothing, BRIDGE, "network", "wrong", "there is no bridge br0", id="no bridge"),
        pytest.param(bridge, BRIDGE, "network", "ok", "bridge br0 is there", id="bridge"),
        pytest.param(lambda h: bridge(h, "0x1002"), BRIDGE, "network", "wrong", "br0 is down", id="bridge down"),
        pytest.param(lambda h: h.directory("/sys/class/net/br0"), BRIDGE, "network", "wrong", "no bridge", id="a card"),
        pytest.param(nothing, NETWORK, "network", "wrong", "there is no bridge virbr0", id="network not started"),
        pytest.param(nothing, BRIDGE, "tun", "wrong", "there is no /dev", id="no tun"),
        pytest.param(lambda h: h.write("/dev/net/tun"), BRIDGE, "tun", "wrong", "no device", id="tun a file"),
        pytest.param(nothing, MACVTAP, "network", "wrong", "no network device eth0", id="no lower device"),
        pytest.param(nothing, GIVEN, "network", "wrong", "no network device tap7", id="no tap"),
        pytest.param(lambda h: h.directory("/sys/class/net/tap7"), GIVEN, "network", "wrong", "neither", id="card"),
        pytest.param(
            lambda h: (h.write("/sys/class/net/tap7/tun_flags", "0x1002"), h.write("/sys/class/net/tap7/owner", "7")),
            GIVEN, "network", "wrong", "belongs to user 7", id="tap of another",
        ),
        pytest.param(
            lambda h: h.write("/sys/class/net/tap7/tun_flags", "0x1002"), GIVEN, "network", "ok", "tap7", id="tap"
        ),
        pytest.param(nothing, VNC, "port", "ok", "5907 of 127.0.0.1 is free", id="port"),
        pytest.param(lambda h: h.take_port(5907), VNC, "port", "wrong", "5907 of 127.0.0.1 is taken", id="port taken"),
        pytest.param(lambda h: h.take_port(5907, "00000000"), VNC, "port", "wrong", "is taken", id="taken for all"),
        pytest.param(lambda h: h.take_port(5907, "0200007F"), VNC, "port", "ok", "is free", id="other address"),
        pytest.param(lambda h: (h.root / "proc/net/tcp").unlink(), VNC, "port", "unknown", "not known", id="no table"),
        pytest.param(nothing, TCP, "port", "wrong", "may not take tcp port 80", id="low port"),
        pytest.param(
            lambda h: h.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0\n"), TCP, "port", "ok", "80", id="0"
        ),
        pytest.param(nothing, CLIENT, "socket", "wrong", "there is no /run", id="no socket"),
        pytest.param(lambda h: h.listen("/run/other.sock"), CLIENT, "socket", "ok", "somebody listens", id="socket"),
        pytest.param(
            lambda h: h.listen("/run/other.sock", mode=0o700), CLIENT, "socket", "wrong", "not write", id="of another"
        ),
        pytest.param(lambda h: h.unheard("/run/other.sock"), CLIENT, "socket", "wrong", "nobody listens", id="unheard"),
        pytest.param(
            lambda h: h.write("/run/other.sock", "", 0o666), CLIENT, "socket", "wrong", "no socket", id="a file"
        ),
        pytest.param(nothing, PAGES, "huge pages", "ok", "512 huge pages of 2 MiB are free for 32", id="pages"),
        pytest.param(
            lambda h: h.pages("/sys/kernel/mm", free=31), PAGES, "huge pages", "wrong", "the guest takes 32", id="few"
        ),
        pytest.param(
            lambda h: h.write("/proc/mounts", ""), PAGES, "huge pages", "wrong", "no hugetlbfs", id="not mounted"
        ),
        pytest.param(
            lambda h: h.pages("/sys/devices/system/node/node0", free=3), NODE, "huge pages", "wrong",
            "NUMA node 0 has 3 free", id="few of the node",
        ),
        pytest.param(nothing, HOSTDEV, "vfio", "wrong", "there is no PCI device 0000:03:00.0", id="no device"),
        pytest.param(
            lambda h: h.pci("0000:03:00.0", None, None), HOSTDEV, "vfio", "wrong", "in no IOMMU group", id="no IOMMU"
        ),
        pytest.param(lambda h: group(h, other="snd"), HOSTDEV, "vfio", "wrong", "in the hands of snd", id="not viable"),
        pytest.param(
            lambda h: group(h, other="pcieport", kind="0x060400"), HOSTDEV, "vfio", "ok", "is viable", id="a bridge"
        ),
        pytest.param(
            lambda h: group(h, other=None, own="e1000e"), HOSTDEV, "vfio", "wrong", "not of vfio-pci", id="not bound"
        ),
        pytest.param(
            lambda h: group(h, other=None, own="e1000e"), MANAGED, "vfio", "ok", "managed='yes'", id="to be bound"
        ),
        pytest.param(lambda h: group(h, other=None), HOSTDEV, "vfio", "wrong", "there is no /dev", id="no vfio"),
        pytest.param(nothing, USB, "usb", "wrong", "there is no USB device 1234:abcd", id="no usb"),
        pytest.param(lambda h: usb(h, "1-1", 5), USB, "usb", "wrong", "there is no /dev", id="no usb node"),
        pytest.param(
            lambda h: (usb(h, "1-1", 5), usb(h, "1-2", 6)), USB, "usb", "wrong", "2 USB devices are", id="two usb"
        ),
        pytest.param(lambda h: h.directory("/sys/bus/scsi/devices"), SCSI, "scsi", "wrong", "2:0:1:4", id="no scsi"),
        pytest.param(
            lambda h: h.directory("/sys/bus/scsi/devices/2:0:1:4"), SCSI, "scsi", "wrong", "no generic", id="no sg"
        ),
        pytest.param(lambda h: firmware(h, None), EFI, "firmware", "ok", "/fw/VARS.fd is a file of", id="made later"),
        pytest.param(lambda h: firmware(h, variables()), EFI, "firmware", "ok", "own.fd is a file", id="variables"),
        pytest.param(lambda h: firmware(h, bytes(8192)), EFI, "firmware", "wrong", "no file of", id="none"),
        pytest.param(
            lambda h: firmware(h, variables(8192) + b"x"), EFI, "firmware", "wrong", "not in whole", id="odd size"
        ),
        pytest.param(
            lambda h: firmware(h, None, b"no template"), EFI, "firmware", "wrong", "VARS.fd is no file", id="template"
        ),
        pytest.param(nothing, EFI, "image", "wrong", "there is no /fw", id="no firmware"),
        pytest.param(nothing, RNG, "random numbers", "wrong", "there is no /dev", id="no hwrng"),
        pytest.param(nothing, NINE_P, "directory", "wrong", "there is no /srv", id="no shared directory"),
        pytest.param(
            lambda h: h.directory("/srv/shared"), NINE_P, "directory", "wrong", "may not write", id="shared read-only"
        ),
        pytest.param(lambda h: h.directory("/srv/shared", 0o777), NINE_P, "directory", "ok", "open to", id="shared"),
        pytest.param(nothing, TPM, "helper", "wrong", "there is no swtpm", id="no swtpm"),
        pytest.param(nothing, SECRET, "secret", "unknown", "is not known", id="secrets not seen"),
        pytest.param(
            lambda h: h.directory("/etc/libvirt/secrets"), SECRET, "secret", "wrong", "libvirt has no secret", id="none"
        ),
        pytest.param(
            lambda h: h.write("/etc/libvirt/secrets/0a81f5b2-8403-7b23-c8d6-21ccc2f80d6f.xml"),
            SECRET, "secret", "wrong", "has no value", id="no value",
        ),
        pytest.param(nothing, KERNEL, "boot file", "wrong", "there is no /boot", id="no kernel"),
        pytest.param(lambda h: h.write("/boot/vmlinuz", "", 0o600), KERNEL, "boot file", "wrong", "read", id="r"),
        pytest.param(nothing, domain(kind="kvm"), "kvm", "wrong", "there is no /dev", id="no kvm"),
    ],
)  # fmt: skip
def test_each_kind_is_told(host: ScratchHost, make: Make, xml: bytes, kind: str, outlook: str, words: str) -> None:
    make(host)
    told = found(look(host, xml), kind, outlook)
    matching = [one for one in told if words in one.what]
    assert matching, look(host, xml).findings
    assert all(_is_whole(one) for one in look(host, xml).findings)


def _is_whole(one: HostFinding) -> bool:
    """Each says why and what to do, where it is not as it should be, and has a place in the XML."""
    told = bool(one.why and (one.todo or one.outlook == "unknown"))
    return one.place.path.startswith("/domain") and (one.outlook == "ok" or told)


def test_what_qemu_or_libvirt_brings_is_not_missed(host: ScratchHost) -> None:
    own = domain(
        "<graphics type='vnc' autoport='yes' keymap='de'/>"
        "<channel type='unix'><source mode='bind' path='/var/lib/libvirt/qemu/domain-1-x/org.sock'/>"
        "<target type='virtio' name='org'/></channel>"
    )
    assert {one.outlook for one in look(host, own).findings} == {"ok"}


def test_a_plain_domain_takes_nothing(host: ScratchHost) -> None:
    flight = look(host, domain())
    assert (flight.outlook, flight.findings, flight.judged_by) == ("ok", (), "rights")


def test_root_may_do_all_and_lock_all(host: ScratchHost) -> None:
    group(host, other=None)
    host.write("/d", b"", 0o600)
    flight = look(host, HOSTDEV, replace(USER, name="root", uid=0, gid=0, groups=()))
    assert [one.what for one in found(flight, "locked memory")] == ["root may lock any amount of memory"]


@pytest.mark.parametrize(("limit", "outlook"), [("unlimited", "ok"), ("8388608", "unknown"), ("99999999999999", "ok")])
def test_locked_memory_is_held_against_the_limit(host: ScratchHost, limit: str, outlook: str) -> None:
    host.write("/proc/self/limits", f"Limit  Soft  Hard  Units\nMax locked memory   {limit}   8388608  bytes\n")
    group(host, other=None)
    assert [one.outlook for one in found(look(host, HOSTDEV), "locked memory")] == [outlook]


def test_the_next_free_port_is_named(host: ScratchHost) -> None:
    host.take_port(5900)
    (told,) = found(look(host, domain("<graphics type='vnc' autoport='yes'/>")), "port")
    assert (told.outlook, "5901, which is free" in told.what) == ("ok", True)


def test_a_descriptor_and_the_xml_agree_on_the_format(host: ScratchHost) -> None:
    firmware(host, variables())
    code = {"device": "flash", "executable": {"filename": "/fw/CODE.fd", "format": "qcow2"}}
    code["nvram-template"] = {"filename": "/fw/VARS.fd", "format": "raw"}
    descriptor = Descriptor.model_validate(
        {"name": "60-x.json", "interface-types": ["uefi"], "mapping": code, "targets": [], "features": []}
    )
    told = found(look(host, EFI, firmware=(descriptor,)), "firmware", "wrong")
    assert ["60-x.json says that /fw/CODE.fd is qcow2" in one.what for one in told] == [True]
