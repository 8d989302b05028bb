"""``prober preflight``: what is printed, and with which code it ends, on the host that the tests run on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prober.cli.preflight import run_preflight
from tests.recordings import FIXTURES
from tests.unit.rehearsal.preflight.scratch import domain, qcow2

REPLIES = FIXTURES / "qemu-10.0.13.replies.xz"


def run(
    path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool = False, user: str | None = None
) -> tuple[int, str]:
    code = run_preflight(
        str(path),
        None,
        socket=None,
        binary=None,
        replies=REPLIES,
        settings=None,
        assume_unknown_present=False,
        as_json=as_json,
        verbose=True,
    )
    return int(code), capsys.readouterr().out


def vm(tmp_path: Path, image: Path, more: str = "") -> Path:
    path = tmp_path / "vm.xml"
    disk = f"<disk type='file'><driver name='qemu' type='qcow2'/><source file='{image}'/><target dev='vda'/></disk>"
    path.write_bytes(domain(f"{disk}\n    {more}"))
    return path


def test_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "disk.qcow2"
    image.write_bytes(qcow2())
    code, out = run(vm(tmp_path, image), capsys)
    assert code == 0
    assert f"vm.xml:8: /domain/devices/disk/source/@file: ok: image: {image} is there, qcow2" in out
    assert out.splitlines()[-1].endswith("as the kernel judges: 1 ok, 0 wrong, 0 unknown")


def test_what_is_wrong_is_told_with_what_mends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(vm(tmp_path, tmp_path / "none.qcow2"), capsys)
    assert code == 3
    lines = out.splitlines()
    assert lines[0].endswith(
        f"vm.xml:8: /domain/devices/disk/source/@file: wrong: image: there is no {tmp_path}/none.qcow2"
    )
    assert [line.split(":")[0] for line in lines[1:3]] == ["  why", "  mend"]


def test_what_cannot_be_told_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "disk.qcow2"
    image.write_bytes(qcow2())
    far = "<serial type='tcp'><source mode='connect' host='192.0.2.1' service='4000'/></serial>"
    code, out = run(vm(tmp_path, image, far), capsys, as_json=True)
    answer = json.loads(out)
    assert (code, answer["outlook"]) == (4, "unknown")
    (told,) = [one for one in answer["findings"] if one["outlook"] == "unknown"]
    assert told["place"] == {"line": 9, "path": "/domain/devices/serial/source/@service"}


def test_a_domain_that_is_refused_is_not_looked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "vm.xml"
    path.write_bytes(domain("<nonsense/>"))
    code, out = run(path, capsys, as_json=True)
    assert code == 3
    assert json.loads(out)["refusals"][0]["place"]["line"] == 8
