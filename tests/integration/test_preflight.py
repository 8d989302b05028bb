"""``prober preflight`` on this host: beside a real QEMU that has an image, and as a user that may not read it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from prober.qemu.bundled import named_recording
from tests.conftest import QemuPlace, aio
from tests.integration.processes import Ended, run_prober
from tests.integration.real_qemu import start_qemu
from tests.unit.rehearsal.preflight.scratch import domain, qcow2


def _write(directory: Path) -> tuple[Path, Path]:
    """An image, and a domain that has it."""
    image, xml = directory / "disk.qcow2", directory / "vm.xml"
    image.write_bytes(qcow2())
    image.chmod(0o666)
    disk = f"<disk type='file'><driver name='qemu' type='qcow2'/><source file='{image}'/><target dev='vda'/></disk>"
    xml.write_bytes(domain(disk))
    return image, xml


def _preflight(xml: Path, *words: str) -> Ended:
    return run_prober("preflight", xml, "--replies", named_recording(Path("qemu-7.2")), "--json", *words)


def _images(ended: Ended) -> list[tuple[str, str]]:
    return [(one["outlook"], one["what"]) for one in json.loads(ended.out)["findings"] if one["kind"] == "image"]


def test_an_image_that_a_qemu_writes_to_is_told(qemu_binary: str, open_directory: Path) -> None:
    image, xml = _write(open_directory)
    assert (_preflight(xml).code, _images(_preflight(xml))[0][0]) == (0, "ok")
    node = json.dumps({"driver": "qcow2", "node-name": "n", "file": {"driver": "file", "filename": str(image)}})
    machine = (qemu_binary, "-machine", "pc", "-accel", "tcg", "-nodefaults", "-display", "none")
    argv = (*machine, "-blockdev", node, "-device", "virtio-blk-pci,drive=n")

    async def beside_it() -> Ended:
        async with start_qemu(QemuPlace("installed", qemu_binary), argv):
            return await asyncio.to_thread(_preflight, xml)

    ended = aio(beside_it(), debug=False)
    assert ended.code == 3
    ((outlook, what),) = _images(ended)
    assert (outlook, "another process has" in what) == ("wrong", True)
    assert _preflight(xml).code == 0, "the lock went with the QEMU"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as somebody else")
def test_what_the_user_may_not_read_is_told(open_directory: Path) -> None:
    image, xml = _write(open_directory)
    image.chmod(0o600)
    assert _preflight(xml).code == 0
    ended = _preflight(xml, "--as", "nobody")
    assert ended.code == 3
    answer = json.loads(ended.out)
    assert (answer["user"], answer["judged_by"]) == ("nobody", "kernel")
    assert "nobody may not read the file" in _images(ended)[0][1]
    assert answer["findings"][0]["todo"] == f"setfacl -m u:nobody:rw {image}"


def test_a_user_that_is_not_there(open_directory: Path) -> None:
    _, xml = _write(open_directory)
    ended = _preflight(xml, "--as", "nobody-of-this-name")
    assert (ended.code, "there is no user" in ended.err) == (2, True)
