"""What becomes of domains when the QEMU under them is replaced, with real QEMUs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BINARY_IN_ROOT
from tests.integration.processes import run_prober

DOMAIN = """<domain type='qemu'><name>m</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='{machine}'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/a.qcow2'/>
<target dev='vda' bus='virtio'/></disk><interface type='user'><model type='virtio'/></interface></devices></domain>"""


def domains(place: Path, **machines: str) -> None:
    for name, machine in machines.items():
        (place / f"{name}.xml").write_text(DOMAIN.format(machine=machine))


def upgrade(place: Path, *words: object, code: int) -> dict[str, dict[str, Any]]:
    ended = run_prober("upgrade", place, *words, "--json")
    assert (ended.code, ended.err) == (code, "")
    return {Path(one["file"]).stem: one for one in json.loads(ended.out)}


@pytest.mark.slow
def test_to_itself_nothing_changes(qemu_binary: str, tmp_path: Path) -> None:
    domains(tmp_path, q35="q35", gone="pc-q35-1.4")
    (tmp_path / "none.xml").write_text("<nonsense/>")
    told = upgrade(tmp_path, "--from", qemu_binary, "--to", qemu_binary, code=3)
    one = told["q35"]
    assert (one["verdict"], one["starts"], one["mends"], one["differences"]) == ("rehearsed", "proven", [], [])
    assert (one["there"]["verdict"], one["back"]["verdict"]) == ("rehearsed", "rehearsed")
    assert one["machine"] == one["machine_there"] != "q35"
    gone = told["gone"]
    assert (gone["verdict"], gone["starts"], gone["there"]) == ("refused", None, None)
    assert any("pc-q35-1.4" in refusal["message"] for refusal in gone["refusals"])
    (mend,) = gone["mends"]
    assert (mend["path"], mend["verdict"], mend["restarts"]) == ("/domain/os/type/@machine", "proven", True)
    assert mend["value"].startswith("pc-q35-")
    assert told["none"]["verdict"] == "refused"
    text = run_prober("upgrade", tmp_path / "gone.xml", "--from", qemu_binary, "--to", qemu_binary)
    assert text.code == 3
    assert f"mend: /domain/os/type/@machine '{mend['value']}' (the guest has to be started anew; proven)" in text.out


@pytest.mark.slow
@pytest.mark.roots
def test_an_alias_is_pinned_and_a_machine_that_is_gone_replaced(
    qemu_binary: str, qemu_roots: dict[str, Path], tmp_path: Path
) -> None:
    domains(tmp_path, alias="q35", old="pc-i440fx-2.6", pinned="pc-q35-5.2")
    told = upgrade(tmp_path, "--from", qemu_binary, "--to", qemu_roots["10.0"], code=0)
    assert {name: one["verdict"] for name, one in told.items()} == dict.fromkeys(
        ("alias", "old", "pinned"), "rehearsed"
    )
    (mend,) = told["alias"]["mends"]
    assert (mend["value"], mend["restarts"], mend["verdict"]) == (told["alias"]["machine"], False, "proven")
    assert told["alias"]["machine_there"] == "pc-q35-10.0"
    assert any("deprecated" in text for text in told["old"]["deprecated"])
    newer = upgrade(tmp_path, "--from", qemu_binary, "--to", BINARY_IN_ROOT, "--root", qemu_roots["11.1"], code=3)
    assert (newer["old"]["starts"], newer["old"]["mends"][0]["value"]) == (None, "pc-i440fx-8.2")
    assert newer["pinned"]["verdict"] == "rehearsed"
