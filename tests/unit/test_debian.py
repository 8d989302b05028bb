"""``packaging/debian`` against what it is made of; the package itself is tried by ``make deb-test``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.conftest import CHECKOUT
from tools import deb
from tools.install import NAME, needed

_DEBIAN = CHECKOUT / "packaging/debian"
_UNITS = CHECKOUT / "packaging/systemd"
_SCRIPTS = ("postinst", "prerm", "postrm")
_LOCK = """\
abc==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via qemu-prober (pyproject.toml)
helper-of-abc==2.0 ; sys_platform == 'linux' \\
    --hash=sha256:ba
    # via
    #   abc
    #   pytest
next.helper==3 \\
    --hash=sha256:ca
    # via helper-of-abc
pytest==8 \\
    --hash=sha256:da
    # via qemu-prober (pyproject.toml)
"""


def test_what_prober_needs_is_taken_of_the_lock_with_marks_and_hashes() -> None:
    chosen = deb.select(_LOCK, {"ABC"})
    assert chosen == _LOCK.partition("pytest==")[0]
    names = re.findall(r"^[\w.-]+", deb.select(_LOCK, {"pytest"}), re.MULTILINE)
    assert names == ["helper-of-abc", "next.helper", "pytest"], "each with what it needs, in any case"
    with pytest.raises(KeyError, match="not-there"):
        deb.select(_LOCK, {"abc", "not-there"})


def test_nothing_that_make_install_lays_down_is_missing() -> None:
    chosen = deb.requirements()
    names = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", chosen, re.MULTILINE)}
    assert {canonicalize_name(name) for name in needed()} <= names
    assert "pytest" not in names
    assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=\w)", chosen, flags=re.MULTILINE) if entry)


def test_each_distribution_that_comes_along_has_its_licence() -> None:
    named = {
        canonicalize_name(name)
        for line in re.findall(r"^Files: (.*)$", (_DEBIAN / "copyright").read_text(), re.MULTILINE)
        for name in re.findall(r"wheels/([\w.]+?)(?:-?\*)", line)
    }
    assert named == {canonicalize_name(name) for name in needed()}


def test_each_licence_that_is_named_stands_there() -> None:
    text = (_DEBIAN / "copyright").read_text()
    named = {one for line in re.findall(r"^License: (.*)$", text, re.MULTILINE) for one in re.split(" and | or ", line)}
    assert named == set(re.findall(r"^License: (\S+)\n ", text, re.MULTILINE))


@pytest.mark.parametrize("name", _SCRIPTS)
def test_a_script_does_not_fetch_and_hands_over_no_tree(name: str) -> None:
    text = (_DEBIAN / name).read_text()
    words = set(re.findall(r"[\w-]+", re.sub(r"#.*", "", text)))
    assert not words & {"pip", "pip3", "curl", "wget", "apt", "apt-get", "chown", "chmod", "venv", "systemctl"}
    assert text.startswith("#!/bin/sh\nset -e\n")
    assert text.count("\n#DEBHELPER#\n") == 1


def test_purging_takes_what_units_make_and_the_users_that_they_run_as() -> None:
    text = (_DEBIAN / "postrm").read_text()
    places = {"CacheDirectory": "/var/cache", "RuntimeDirectory": "/run"}
    places |= {"StateDirectory": "/var/lib", "LogsDirectory": "/var/log"}
    units = "".join(unit.read_text() for unit in _UNITS.iterdir())
    made = {
        f"{places[key]}/{name}"
        for key, names in re.findall(rf"^({'|'.join(places)})=(.+)$", units, re.MULTILINE)
        for name in names.split()
    }
    made |= {str(Path(socket).parent) for socket in re.findall(r"^ListenStream=(/.*)$", units, re.MULTILINE)}
    assert {"/var/cache/prober", "/run/prober-prover", "/run/prober-agent"} <= made
    assert {place for place in made if f" {place}" not in text} == set()
    users = re.findall(r"^u (\S+)", (CHECKOUT / "packaging/sysusers.d/prober.conf").read_text(), re.MULTILINE)
    (listed,) = re.findall(r"for user in (.*); do", text)
    assert listed.split() == users
    files = set(re.findall(r"^ExecStart=.* --(?:textfile|output) (/\S+)", units, re.MULTILINE))
    assert "/var/lib/prometheus/node-exporter/prober.prom" in files
    (removing,) = re.findall(r"^if .* = remove .* = purge .*; then\n((?:\t.*\n)*)fi$", text, re.MULTILINE)
    for file in map(Path, files):
        # Also what a write that was killed left beside it.
        assert removing.count(f"\trm -f {file}\n") == removing.count(f"\trm -f {file.parent}/.{file.name}.*.tmp\n") == 1


def test_no_unit_is_named_that_is_not_there() -> None:
    named = set(re.findall(r"[\w-]+\.(?:socket|service|timer)\b", (_DEBIAN / "rules").read_text()))
    assert {"prober.socket", "prober-prover.socket"} <= named
    assert named <= {unit.name for unit in _UNITS.iterdir()}


def test_each_override_has_its_reason() -> None:
    lines = (_DEBIAN / "qemu-prober.lintian-overrides").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert all(line.startswith(("# ", f"{NAME}: ")) for line in lines)


def test_what_is_recommended_and_what_is_worked_out() -> None:
    text = (_DEBIAN / "control").read_text()
    assert "\nRecommends:\n bubblewrap,\n" in text
    for name in ("misc:Depends", "prober:Python", "shlibs:Depends", "misc:Pre-Depends"):
        assert f"${{{name}}}" in text


def test_the_version_of_a_later_release_is_higher_and_stands_in_the_changelog(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = [deb.version_of(release) for release in sorted(deb.RELEASES, key=lambda release: deb.RELEASES[release])]
    assert versions == sorted(versions)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    text = deb.changelog("bookworm", "Source: a\nMaintainer: Some Body <some@body.example>\n")
    assert text.startswith(f"qemu-prober ({deb.version_of('bookworm')}) bookworm; urgency=medium\n\n  * ")
    assert text.endswith("\n\n -- Some Body <some@body.example>  Thu, 01 Jan 1970 00:00:00 -0000\n")
