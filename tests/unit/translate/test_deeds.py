"""What a program is told to do for a resource, beside the sentence for people."""

from __future__ import annotations

from typing import get_args

import pytest

from prober.commandline.deeds import (
    CopyFile,
    Deed,
    ListenOn,
    MakeDirectory,
    OnEvent,
    OpenFile,
    SendCommands,
    SetVariable,
    WriteRandom,
)
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Resource, Translation
from tests.conftest import CHECKOUT
from tests.recordings import FIXTURES, load_capabilities

_ACTS = get_args(get_args(Deed)[0])

_DOMAIN = """<domain type="qemu" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"><name>a b</name>
  <memory unit="MiB">64</memory><memoryBacking><source type="file"/></memoryBacking>
  <os><type arch="x86_64" machine="q35">hvm</type>
    <loader readonly="yes" type="pflash">/fw/CODE.fd</loader>
    <nvram template="/fw/VARS of it.fd">/state/VARS.fd</nvram></os><features><acpi/></features>
  <on_reboot>restart</on_reboot><on_crash>{crash}</on_crash>
  <devices>
    <disk type="file"><driver name="qemu" type="qcow2"/>
      <source file="/i"><encryption format="luks"><secret type="passphrase" usage="s"/></encryption></source>
      <target dev="vda" bus="virtio"/>
      <iotune><total_bytes_sec>1000</total_bytes_sec></iotune></disk>
    <interface type="user"><mac address="52:54:00:00:00:01"/><link state="down"/></interface>
    <interface type="bridge"><mac address="52:54:00:00:00:02"/><source bridge="br0"/></interface>
    <serial type="unix"><source mode="bind" path="/run/my vm/s.sock"/><log file="/log/a" append="off"/></serial>
    <serial type="file"><source path="/log/all of it" append="on"/></serial>
    <tpm model="tpm-tis"><backend type="passthrough"><device path="/dev/tpm0"/></backend></tpm>
    <graphics type="vnc" socket="/run/vnc/s"/>
  </devices>
  <qemu:commandline><qemu:env name="A" value="b=c)"/></qemu:commandline></domain>"""


def _translation(crash: str = "destroy") -> Translation:
    caps = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
    return translate(read_domain(_DOMAIN.format(crash=crash).encode()), caps, binary="/q", monitor="/run/my vm/qmp")


def test_each_kind_of_deed_says_what_its_sentence_says() -> None:
    found = {(one.kind, one.name): one.deed for one in _translation().resources if one.deed is not None}
    limits = found.pop(("iotune", "virtio-disk0"))
    assert isinstance(limits, SendCommands)
    assert limits.commands[0]["execute"] == "block_set_io_throttle"
    memory = found.pop(("memory", "pc.ram"))
    assert isinstance(memory, MakeDirectory) and memory.path.startswith("/")
    key = found.pop(("master-key", "masterKey0"))
    assert isinstance(key, WriteRandom) and (key.path.rpartition("/")[2], key.bytes) == ("master-key.aes", 32)
    down = {"execute": "set_link", "arguments": {"name": "net0", "up": False}}
    assert found == {
        ("monitor", "charmonitor"): MakeDirectory(path="/run/my vm"),
        ("lifecycle", "on_poweroff"): OnEvent(event="SHUTDOWN", commands=({"execute": "quit"},)),
        ("lifecycle", "on_reboot"): OnEvent(event="RESET", commands=({"execute": "system_reset"}, {"execute": "cont"})),
        ("lifecycle", "on_crash"): OnEvent(event="GUEST_PANICKED", commands=({"execute": "quit"},)),
        ("nvram", "pflash1"): CopyFile(path="/state/VARS.fd", source="/fw/VARS of it.fd"),
        ("link", "net0"): SendCommands(commands=(down,)),
        ("socket", "serial0"): ListenOn(path="/run/my vm/s.sock"),
        ("log", "serial0"): OpenFile(path="/log/a", access="truncate"),
        ("file", "serial1"): OpenFile(path="/log/all of it", access="append"),
        ("tpm", "tpm0"): OpenFile(path="/sys/class/tpm/tpm0/device/cancel", access="write"),
        ("socket", "vnc"): MakeDirectory(path="/run/vnc"),
        ("environment", "A"): SetVariable(variable="A", text="b=c)"),
    }


def test_what_takes_somebody_who_knows_the_host_has_none() -> None:
    found = [one for one in _translation("coredump-destroy").resources if one.deed is None]
    assert {one.kind for one in found} == {"secret", "lifecycle", "tap"}
    assert [one.name for one in found if one.kind == "lifecycle"] == ["on_crash"], "it needs a file for the memory"
    assert Resource.model_validate_json(found[0].model_dump_json()) == found[0]


@pytest.mark.parametrize("deed", _ACTS, ids=lambda deed: deed.__name__)
def test_each_is_done_by_the_example_and_stands_in_the_document(deed: type[OpenFile]) -> None:
    act = deed.model_fields["act"].default
    assert f'{{"act": "{act}", ' in (CHECKOUT / "examples/launch.py").read_text()
    (row,) = (line for line in (CHECKOUT / "docs/api.md").read_text().splitlines() if line.startswith(f"| `{act}` |"))
    assert all(f"`{key}`" in row for key in deed.model_fields.keys() - {"act"})
