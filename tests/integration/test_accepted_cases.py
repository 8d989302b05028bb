"""A second authority on the cases: whatever prober accepts for a QEMU, that QEMU starts with, and in full.

Each case of ``tests/cases`` is translated for a real binary, with files that exist in the place of those that
it names (under the same, sometimes hostile, names).  QEMU then has to start, warn of nothing that it would
not use, and have a device for each id of the argv.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from prober.domain import Domain, Host, Settings, Translation, read_domain, translate
from prober.domain.devices import Device, Disk
from prober.domain.shared import chardev
from prober.domain.shared.source import Source
from prober.errors import RefusedError, UnreadableDomainError
from tests.conftest import QemuPlace, aio
from tests.integration.images import write_image
from tests.integration.real_qemu import capabilities_of, shared_directory, start_qemu

CASES = Path(__file__).parent.parent / "cases"

#: Nobody is there to pass descriptors.
HOST = Host(settings=Settings(pass_descriptors=False))


def adapt(domain: Domain, ours: Path, theirs: Path) -> Domain:
    """The domain with files that exist, on TCG, and without a kernel (booting has its own test)."""
    every: list[Device] = []
    for device in domain.devices.every:
        if isinstance(device, Disk):
            if device.source is not None and not device.is_empty:
                path = device.source.local_path(device.kind) or ""
                name = Path(path).name
                write_image(ours / name, device.driver_type or "raw")
                device = device.replace(type="file", source=Source(file=str(theirs / name)))
        elif isinstance(device, chardev.CharacterDevice):
            device = device.replace(**led_into(device, theirs))
        every.append(device)
    os = domain.os.replace(kernel=None, initrd=None, cmdline=None)
    return domain.replace(type="qemu", os=os, devices=domain.devices.replace(every=tuple(every)))


def led_into(device: chardev.Character, theirs: Path) -> dict[str, object]:
    """What changes of a character device whose other end is to be in a directory: a root has no /dev/pts, and nobody
    listens on a socket to connect to."""
    name = Path(device.source.path or "/pty").name
    kind = device.type if device.type in ("unix", "file", "null") else "file"
    mode = "bind" if kind == "unix" else None
    sources = () if kind == "null" else (chardev.Source(path=str(theirs / name), mode=mode),)
    log = None if device.log_file is None else str(theirs / Path(device.log_file).name)
    return {"type": kind, "sources": sources, "protocol": None, "log_file": log}


def ids_in(argv: tuple[str, ...]) -> set[str]:
    """The ids of the devices."""
    found = set()
    for flag, value in pairwise(argv):
        if flag == "-device":
            match = re.search(r"(?:^|,)id=([^,]*)", value)
            found.add(json.loads(value)["id"] if value.startswith("{") else match.group(1) if match else "")
    return found


async def start(place: QemuPlace, translation: Translation) -> None:
    async with start_qemu(place, translation.argv) as qemu:
        children = {entry["name"] for entry in await qemu.execute("qom-list", path="/machine/peripheral")}
        assert ids_in(translation.argv) <= children
        ended = await qemu.quit()
    assert ended.status == 0, ended.stderr
    assert "not used" not in ended.stderr
    # What is left may be a word on the age of a machine.
    lines = [line for line in ended.stderr.splitlines() if "deprecated" not in line]
    assert lines == []


@pytest.mark.parametrize("path", sorted(CASES.glob("*.xml")), ids=lambda path: path.stem)
def test_what_is_accepted_starts(path: Path, any_qemu: QemuPlace) -> None:
    with shared_directory(any_qemu) as (ours, theirs):
        try:
            domain = adapt(read_domain(path.read_bytes()), ours, theirs)
            translation = translate(domain, capabilities_of(any_qemu), binary=any_qemu.binary, host=HOST)
        except (RefusedError, UnreadableDomainError):
            version = capabilities_of(any_qemu).version
            assert not (CASES / f"{path.stem}.qemu-{version}.argv").exists(), "refused here, accepted as a case"
            return
        aio(start(any_qemu, translation), debug=False)
