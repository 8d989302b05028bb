"""Wrappers that start wrappers: each script that they lead to by their text."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.capabilities.fingerprint import differs
from prober.capabilities.fingerprinter import Fingerprinter
from prober.qemu.scripts import find_programs
from tests.cost import processor_time


def _write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("exec {next} $@", "#!/bin/sh\nexec {last}\n"),
        ("here=$(dirname $0); next=next\nexec $here/$next $@", "#!/bin/sh\ncd {folder} && exec ./last $@\n"),
        (". {next}\nexec $emulator $@", "emulator={last}\n"),
    ],
    ids=["by its path", "in parts", "in a file that is read"],
)
def test_a_script_that_starts_a_script_is_followed_to_the_last(tmp_path: Path, first: str, second: str) -> None:
    """And again where one of them leads elsewhere."""
    folder = tmp_path / "usr/bin"
    places = {"folder": folder, "next": folder / "next", "last": folder / "last", "other": folder / "other"}
    for name in ("last", "other"):
        _write(tmp_path, f"usr/bin/{name}", '#!/bin/sh\nexec "$there"\n')
    _write(tmp_path, "usr/bin/next", second.format(**places))
    first_one = _write(tmp_path, "usr/bin/first", "#!/bin/sh\n" + first.format(**places) + "\n")
    with Fingerprinter(root=tmp_path) as fingerprinter:

        def programs() -> set[str]:
            return {mark.path for mark in fingerprinter.fingerprint(str(first_one)).programs}

        assert {str(places["next"]), str(places["last"])} <= programs()
        before = fingerprinter.fingerprint(str(first_one))
        _write(tmp_path, "usr/bin/last", '#!/bin/sh\nexec "$elsewhere"\n')
        assert "usr/bin/last" in (differs(before, fingerprinter.fingerprint(str(first_one))) or "")
        _write(tmp_path, "usr/bin/next", second.replace("last", "other").format(**places))
        assert str(places["other"]) in programs() and str(places["last"]) not in programs()


def test_a_directory_that_another_language_names_is_no_program(tmp_path: Path) -> None:
    """What is written into it makes no answer stale."""
    qemu = _write(tmp_path, "opt/qemu/run", "")
    script = _write(tmp_path, "usr/bin/start", f"#!/usr/bin/python3\nrun('{qemu}', cwd='{qemu.parent}')\n")
    assert find_programs(str(script)) == ("/usr/bin/python3", str(qemu))


def test_a_script_of_any_form_is_followed_in_no_time(tmp_path: Path) -> None:
    names = " ".join(f"/n/a{number}" for number in range(9000))
    for number in range(40):
        _write(tmp_path, f"usr/bin/n{number}", f"#!/bin/sh\n{names}")
    script = _write(
        tmp_path, "usr/bin/wide", "#!/bin/sh\n" + " ".join(str(tmp_path / f"usr/bin/n{n}") for n in range(40))
    )
    with processor_time() as cost:
        assert 40 < len(find_programs(str(script))) <= 64
    assert cost.seconds < 0.1
