"""Whatever prober accepts for a QEMU of another target than x86, that QEMU starts with, and in full: each case of
``tests/cases`` that is named by such a binary; its guest comes to words on the console, and what is plugged in fits."""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
from pathlib import Path

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvFinding, check_argv
from prober.host.firmware import read_firmware
from prober.host.host import Host, Settings
from prober.proof.hotplug import kind_of
from prober.proof.models import ProofVerdict
from prober.proof.subject import LineSubject
from prober.rehearsal.plug import rehearse_plug
from prober.rehearsal.plug_models import PlugRequest
from prober.rehearsal.verdict import RehearsalVerdict
from prober.translate.pipeline import translate
from prober.translate.plug_translate import translate_plug
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.conftest import QemuPlace, aio
from tests.integration.packages import extract_from_package
from tests.integration.proving import prove_translation
from tests.integration.real_qemu import capabilities_of, run_qemu, start_qemu, try_qemu

CASES = Path(__file__).parent.parent / "cases"

#: ``NAME.qemu-TARGET-VERSION.argv``
_ACCEPTED = re.compile(r"(?P<name>[^.]+)\.qemu-(?P<target>[a-z0-9]+)-(?P<version>[\d.]+)\.argv")

#: Each, with its target.
ACCEPTED = [
    (match["name"], match["target"]) for path in sorted(CASES.iterdir()) if (match := _ACCEPTED.fullmatch(path.name))
]

#: What QEMU may say: that of a channel nobody listens to, or of boot ROMs that are in a package of their own.
OF_THIS_HOST = re.compile("has no peer|Could not open option rom|Image format was not specified")

pytestmark = [pytest.mark.slow, pytest.mark.needs("qemu_arm"), pytest.mark.needs("qemu_misc")]


@pytest.mark.parametrize(("name", "target"), ACCEPTED)
def test_what_is_accepted_starts(name: str, target: str) -> None:
    binary = shutil.which(f"qemu-system-{target}")
    assert binary is not None
    place = QemuPlace(target, binary)
    domain = read_domain((CASES / f"{name}.xml").read_bytes())
    proof = prove_translation(place, translate(domain, capabilities_of(place), binary=binary))
    assert proof.verdict in (ProofVerdict.proven, ProofVerdict.in_part), (proof.said, proof.reason)
    assert proof.unread == ()
    assert [one for one in proof.findings if one.kind in (Kind.error, Kind.ignored)] == []
    assert [text for text in proof.warnings if not OF_THIS_HOST.search(text)] == []


#: Every controller of PCI that a machine with Express may have, one behind the other.
_CONTROLLERS = """<controller type='pci' index='1' model='pcie-root-port'/>
    <controller type='pci' index='2' model='pcie-root-port'><target hotplug='off'/></controller>
    <controller type='pci' index='3' model='pcie-root-port'/>
    <controller type='pci' index='4' model='pcie-switch-upstream-port'>
      <address type='pci' bus='3' slot='0'/></controller>
    <controller type='pci' index='5' model='pcie-switch-downstream-port'>
      <address type='pci' bus='4' slot='0'/></controller>
    <controller type='pci' index='6' model='pcie-to-pci-bridge'><address type='pci' bus='5' slot='0'/></controller>
    <controller type='pci' index='7' model='pci-bridge'><address type='pci' bus='6' slot='1'/></controller>"""

_DOMAIN = """<domain type='qemu'>
  <name>other</name>
  <memory unit='GiB'>1</memory>
  <os><type arch='{target}' machine='virt'>hvm</type>{os}</os>
  <devices>{devices}</devices>
</domain>"""


def _translated(target: str, devices: str, os: str = "") -> tuple[QemuPlace, Translation]:
    binary = shutil.which(f"qemu-system-{target}")
    assert binary is not None
    place = QemuPlace(target, binary)
    domain = read_domain(_DOMAIN.format(target=target, os=os, devices=devices).encode())
    host = Host(settings=Settings(pass_descriptors=False))
    return place, translate(domain, capabilities_of(place), binary=binary, host=host)


@pytest.mark.parametrize("target", ["aarch64", "riscv64", "loongarch64"])
def test_the_live_machine_has_the_hotplug_that_is_told(target: str) -> None:
    place, translation = _translated(target, _CONTROLLERS)
    proof = prove_translation(place, translation)
    assert proof.verdict in (ProofVerdict.proven, ProofVerdict.in_part), proof.said or proof.reason
    live = {bus.name: kind_of(bus) for bus in proof.buses}
    told = {port.controller: port.hotplug for port in translation.hotplug}
    other = {name: (told[name], live[name]) for name in told if name in live and told[name] not in (live[name], "none")}
    assert other == {}
    assert {"native", "shpc", "none"} == {told[name] for name in live}


#: What QEMU says of a bus that takes nothing, and of a port (before 8.0); all else is about a slot, or the device.
_NO_HOTPLUG = re.compile(r"Bus '.*' does not support hotplugging|Hot-plug failed: unsupported by the port device '.*'")


@pytest.mark.parametrize("target", ["aarch64", "riscv64", "loongarch64"])
def test_each_bus_takes_what_the_table_says(target: str) -> None:
    place, translation = _translated(target, _CONTROLLERS)

    async def plug() -> dict[str, str | None]:
        said: dict[str, str | None] = {}
        async with start_qemu(place, translation.argv) as qemu:
            for number, port in enumerate(translation.hotplug):
                is_port = port.model in ("pcie-root-port", "pcie-switch-downstream-port")
                where = {"bus": port.controller, "addr": "0x0" if is_port else "0x1d"}
                device = {"driver": "virtio-rng-pci", "id": f"plugged{number}", **where}
                said[port.controller] = await qemu.refuses("device_add", **device)
        return said

    said = aio(plug(), debug=False)
    takes = {name: words is None or _NO_HOTPLUG.fullmatch(words) is None for name, words in said.items()}
    assert takes == {port.controller: port.hotplug != "none" for port in translation.hotplug}
    assert set(takes.values()) == {True, False}


#: How large QEMU's flash is on ARM (``hw/arm/virt.c``, VIRT_FLASH, one half of it).
_FLASH_BYTES = 64 * 1024 * 1024

#: With ACPI alone there is a generic event device, and on ARM ACPI needs flash; no firmware ever runs in it.
_PLUGGED_INTO = """<domain type='qemu'>
  <name>plugged</name>
  <memory unit='GiB'>1</memory>
  {room}<os><type arch='{target}' machine='virt'>hvm</type>{flash}</os>
  <features>{acpi}</features>
  {cpu}<devices>
    <controller type='pci' model='pcie-root'/>
    <controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/>
    <controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/>
    <controller type='usb' model='qemu-xhci'/>
  </devices>
</domain>"""

_NUMA = "<cpu mode='custom'><model>cortex-a57</model><numa><cell id='0' cpus='0' memory='1' unit='GiB'/></numa></cpu>"
_DIMM = "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>"
_CARD = "<interface type='user'><model type='virtio'/></interface>"
_TABLET = "<input type='tablet' bus='usb'/>"


@pytest.mark.parametrize(
    ("target", "acpi", "device", "outcome"),
    [
        ("aarch64", True, _DIMM, "waits"),
        ("aarch64", True, _CARD, "gone"),
        ("aarch64", False, _CARD, "gone"),
        ("aarch64", True, _TABLET, "gone"),
        ("loongarch64", False, _CARD, "gone"),
        ("riscv64", False, _CARD, "gone"),
    ],
)
def test_devices_are_plugged_in_and_taken_out(
    tmp_path: Path, target: str, acpi: bool, device: str, outcome: str
) -> None:
    """Memory by the generic event device, cards by the ports, USB by its controller."""
    flash = ""
    if acpi:
        for name in ("code", "variables"):
            with (tmp_path / name).open("wb") as file:
                file.truncate(_FLASH_BYTES)
        code = f"<loader readonly='yes' type='pflash'>{tmp_path}/code</loader>"
        flash = f"{code}<nvram>{tmp_path}/variables</nvram>"
    is_arm = target == "aarch64"
    text = _PLUGGED_INTO.format(
        target=target,
        flash=flash,
        acpi="<acpi/>" if acpi else "",
        room="<maxMemory slots='2' unit='GiB'>2</maxMemory>" if is_arm else "",
        cpu=_NUMA if is_arm else "",
    )
    binary = shutil.which(f"qemu-system-{target}")
    assert binary is not None
    place = QemuPlace(target, binary)
    capabilities = capabilities_of(place)
    planned = translate_plug(read_domain(text.encode()), [device.encode()], (), capabilities, binary=binary)
    request = PlugRequest(words=planned.argv, commands=planned.devices[0].commands)
    told = aio(rehearse_plug(LineSubject(binary, capabilities, None), request), debug=False)
    assert (told.ground, told.verdict, told.said) == ("proven", RehearsalVerdict.rehearsed, "")
    assert [one.outcome for one in told.taken_out if one.execute == "device_del"] == [outcome]
    assert told.differences == ()


#: What QEMU says of a type that is a part of machines alone, and of one that this machine has no place for.
_NO_DEVICE = re.compile(r"Parameter 'driver' expects a (pluggable device type|dynamic sysbus device type .*)")

#: The rules that say the same.
_OF_PARTS = {"option/not-pluggable", "line/system-bus"}


@pytest.mark.parametrize("target", ["aarch64", "riscv64", "loongarch64"])
def test_of_the_system_bus_a_machine_takes_what_is_said(target: str) -> None:
    """Each type of that bus: there are hundreds on ARM, and each of them is a part of some board."""
    place, translation = _translated(target, "<memballoon model='none'/>")
    caps = capabilities_of(place)
    abstract = caps.abstract_types or {}
    types = [one for one in caps.types or () if "sys-bus-device" in caps.ancestors(one) and one not in abstract]

    async def ask() -> dict[str, bool]:
        async with start_qemu(place, translation.argv) as qemu:
            said = {one: await qemu.refuses("device_add", driver=one) or "" for one in types}
        return {one: _NO_DEVICE.match(words) is None for one, words in said.items()}

    taken = aio(ask(), debug=False)
    # Of this one QEMU finds out late that the machine cannot serve it.
    early = {"ramfb"} if target == "riscv64" else set()
    told = {
        one: one in early or not any(found.rule in _OF_PARTS for found in _found(translation.argv, one, caps))
        for one in types
    }
    assert {one: told[one] for one in types if told[one] != taken[one]} == {}
    assert len(types) > 20


def _found(argv: tuple[str, ...], driver: str, caps: Capabilities) -> tuple[ArgvFinding, ...]:
    return check_argv([*argv, "-device", driver.replace(",", ",,")], caps).findings


#: Options that are for some targets alone, in a form that a target which has them takes.
_OF_SOME = (
    ("-no-hpet",),
    ("-no-acpi",),
    ("-no-fd-bootchk",),
    ("-win2k-hack",),
    ("-smbios", "type=1,serial=x"),
    ("-acpitable", "sig=OWN0,data=/dev/null"),
    ("-fw_cfg", "name=opt/a,string=b"),
)


@pytest.mark.parametrize("words", _OF_SOME, ids=lambda words: str(words[0]))
@pytest.mark.parametrize("target", ["aarch64", "riscv64", "loongarch64"])
def test_options_of_other_targets_are_refused(target: str, words: tuple[str, ...]) -> None:
    place, translation = _translated(target, "")
    argv = (*translation.argv, *words)
    found = [one for one in check_argv([*argv], capabilities_of(place)).findings if one.kind is Kind.error]
    ended = aio(try_qemu(place, argv), debug=False)
    assert bool(found) is (ended.status != 0), ended.stderr


#: A program for the 64-bit ARM, assembled by hand: it writes the bytes behind it, up to a zero, to the PL011 at
#: 0x09000000, and waits for ever.
_PROGRAM = struct.pack(
    "<8I",
    0xD2A12000,  # movz x0, #0x0900, lsl #16
    0x100000E1,  # adr  x1, message
    0x38401422,  # ldrb w2, [x1], #1
    0x34000062,  # cbz  w2, done
    0xB9000002,  # str  w2, [x0]
    0x17FFFFFD,  # b    ldrb
    0xD503207F,  # wfi
    0x17FFFFFF,  # b    wfi
)
_WORDS = b"hello from the guest\n"

#: Seconds that the guest may take to say them, on a busy machine.
_BOOT = 60.0


def test_an_arm_guest_comes_to_its_first_line_on_the_console(tmp_path: Path) -> None:
    """The argv as it stands; the kernel is a program of ours."""
    kernel, console = tmp_path / "kernel", tmp_path / "console"
    kernel.write_bytes(_PROGRAM + _WORDS + b"\0")
    devices = f"<serial type='file'><source path='{console}'/></serial><memballoon model='virtio'/>"
    os = f"<kernel>{kernel}</kernel>"
    binary = shutil.which("qemu-system-aarch64")
    assert binary is not None
    place = QemuPlace("aarch64", binary)
    text = _DOMAIN.format(target="aarch64", os=os, devices=devices).replace(
        "<devices>", "<cpu mode='custom'><model>cortex-a57</model></cpu><devices>"
    )
    host = Host(settings=Settings(pass_descriptors=False))
    translation = translate(read_domain(text.encode()), capabilities_of(place), binary=binary, host=host)
    assert aio(_first_words(place, translation.argv, console, _WORDS), debug=False) == _WORDS


_FIRMWARE = ("AAVMF_CODE.fd", "AAVMF_VARS.fd", "60-edk2-aarch64.json")

#: What edk2's build of Debian 12 says first of all.
_OF_FIRMWARE = b"UEFI firmware"


@pytest.mark.needs("aavmf")
def test_an_arm_guest_comes_to_the_first_line_of_its_firmware(tmp_path: Path) -> None:
    """UEFI that is chosen by the descriptors of its own package, whose files lie elsewhere here."""
    extract_from_package("aavmf", {name: rf"\./usr/share/.*/{name}" for name in _FIRMWARE}, tmp_path)
    descriptors = tmp_path / "usr/share/qemu/firmware"
    descriptors.mkdir(parents=True)
    text = (tmp_path / "60-edk2-aarch64.json").read_text().replace("/usr/share/AAVMF", str(tmp_path))
    (descriptors / "60-edk2-aarch64.json").write_text(text)
    console = tmp_path / "console"
    devices = f"<serial type='file'><source path='{console}'/></serial>"
    text = _DOMAIN.format(target="aarch64", os=f"<nvram>{tmp_path}/variables</nvram>", devices=devices)
    text = text.replace("<os>", "<features><acpi/></features><os firmware='efi'>")
    text = text.replace("<devices>", "<cpu mode='custom'><model>cortex-a57</model></cpu><devices>")
    binary = shutil.which("qemu-system-aarch64")
    assert binary is not None
    place = QemuPlace("aarch64", binary)
    host = Host(settings=Settings(pass_descriptors=False), firmware=read_firmware(tmp_path))
    translation = translate(read_domain(text.encode()), capabilities_of(place), binary=binary, host=host)
    (need,) = [one for one in translation.resources if one.kind == "nvram"]
    assert f"{tmp_path}/AAVMF_VARS.fd" in need.todo
    shutil.copyfile(tmp_path / "AAVMF_VARS.fd", tmp_path / "variables")
    assert _OF_FIRMWARE in aio(_first_words(place, translation.argv, console, _OF_FIRMWARE), debug=False)


async def _first_words(place: QemuPlace, argv: tuple[str, ...], console: Path, words: bytes) -> bytes:
    """What the console has, once the words are there."""
    async with run_qemu(place, argv) as process, asyncio.timeout(_BOOT):
        while not process.exited.done():
            said = await asyncio.to_thread(lambda: console.read_bytes() if console.exists() else b"")
            if words in said:
                return said
            await asyncio.sleep(0.05)
    raise AssertionError(f"QEMU ended: {process.stderr}")
