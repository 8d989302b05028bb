"""Whatever prober accepts for a QEMU of another target than x86, that QEMU starts with, and in full: each case of
``tests/cases`` that is named by such a binary."""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
from pathlib import Path

import pytest

from prober.commandline.refusal import Kind
from prober.host.host import Host, Settings
from prober.proof.hotplug import kind_of
from prober.proof.models import ProofVerdict
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.conftest import QemuPlace, aio
from tests.integration.proving import prove_translation
from tests.integration.real_qemu import capabilities_of, run_qemu

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
    assert aio(_first_words(place, translation.argv, console), debug=False) == _WORDS


async def _first_words(place: QemuPlace, argv: tuple[str, ...], console: Path) -> bytes:
    async with run_qemu(place, argv) as process, asyncio.timeout(_BOOT):
        while not process.exited.done():
            said = await asyncio.to_thread(lambda: console.read_bytes() if console.exists() else b"")
            if len(said) >= len(_WORDS):
                return said
            await asyncio.sleep(0.05)
    raise AssertionError(f"QEMU ended: {process.stderr}")
