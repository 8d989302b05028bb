"""``make install`` lays down what works by itself, and ``make uninstall`` takes away that and no more."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.sharing import make_once
from tools.install import COMPLETIONS, NAME, find_python, needed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

_MAKE = ("make", "--silent", "-C", str(CHECKOUT), "STAMP=", f"BIN={Path(sys.executable).parent}", "PREFIX=/usr")


@pytest.fixture(name="tree", scope="module")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of a host that has something already, with prober in it; nobody may change it."""
    return make_once(tmp_path_factory, "destdir", _lay_down)


def _lay_down(destdir: Path) -> None:
    """Twice, as an upgrade does."""
    for name in ("usr/bin", "usr/lib/systemd/system", "etc"):
        (destdir / name).mkdir(parents=True)
    (destdir / "usr/bin/true").write_text("")
    make("install", destdir)
    (destdir / "usr/lib/prober/manifest.json").chmod(0o644)
    make("install", destdir)


def make(target: str, destdir: Path, *more: str) -> str:
    """What the target says."""
    words = [*_MAKE, f"DESTDIR={destdir}", *more, target]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def below(tree: Path) -> set[str]:
    """All that is in a tree."""
    return {str(path.relative_to(tree)) for path in tree.rglob("*")}


def run_installed(tree: Path, *words: str) -> str:
    """What the command prints that is installed there; the path in its first line is the host's."""
    python = tree / "usr/lib/prober/bin/python3"
    done = subprocess.run(
        [python, "-I", tree / "usr/bin/prober", *words], capture_output=True, text=True, check=False, cwd="/", env={}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_works_by_itself(tree: Path) -> None:
    """With an empty environment, in a directory that is not the checkout."""
    assert run_installed(tree, "--version").startswith("prober ")
    found = run_installed(
        tree, "explain", "--replies", str(CHECKOUT / "fixtures/replies/qemu-7.2.22.replies.xz"), "e1000"
    )
    assert "present" in found
    assert "versions" in found, "the recordings came along"
    assert "rule      option-unknown" in run_installed(tree, "why", "qemu-kvm: -no-kvm: invalid option")
    run_installed(tree, "config", "--check", "--config", str(tree / "etc/prober/prober.toml"))
    where = "import prober, pydantic_core; print(prober.__file__, pydantic_core.__file__)"
    python = tree / "usr/lib/prober/bin/python3"
    said = subprocess.run(
        [python, "-I", "-c", where], capture_output=True, text=True, check=True, env={}
    ).stdout.split()
    assert all(Path(one).is_relative_to(tree / "usr/lib/prober") for one in said), said


def test_no_more_than_is_needed_is_laid_down(tree: Path) -> None:
    (packages,) = (tree / "usr/lib/prober/lib").glob("python*/site-packages")
    found = {re.sub("[_.]", "-", path.name.partition("-")[0].lower()) for path in packages.glob("*.dist-info")}
    assert found == {re.sub("[_.]", "-", name.lower()) for name in (NAME, *needed())}
    assert not list(packages.glob("pytest*"))


def test_paths_are_those_of_the_prefix(tree: Path) -> None:
    unit = (tree / "usr/lib/systemd/system/prober.service").read_text()
    assert "ExecStart=/usr/bin/prober serve" in unit
    assert (tree / "usr/bin/prober").read_text().startswith("#!/usr/lib/prober/bin/python3 -I\n")
    document = next(line for line in unit.splitlines() if line.startswith("Documentation="))
    assert (tree / document.removeprefix("Documentation=file:/")).is_file()


@pytest.mark.long
def test_another_prefix_and_a_configuration_that_is_there(tmp_path: Path) -> None:
    """Paths in the units follow; a file that was there is none of ours."""
    settings = tmp_path / "srv/etc/prober/prober.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("max_body = 4096\n")
    before = below(tmp_path)
    places = ("PREFIX=/opt/prober", "SYSCONFDIR=/srv/etc")
    assert "kept as it was" in make("install", tmp_path, *places)
    for name in ("prober.service", "prober-prover.service"):
        text = (tmp_path / "usr/local/lib/systemd/system" / name).read_text()
        assert "ExecStart=/opt/prober/bin/prober serve" in text
        assert "/usr/bin" not in text
    make("uninstall", tmp_path, *places)
    assert below(tmp_path) == before
    assert settings.read_text() == "max_body = 4096\n"


@pytest.mark.needs("systemd")
def test_what_is_laid_down_is_what_systemd_takes(tree: Path) -> None:
    """Below its root it finds the command, its units and its users."""
    done = subprocess.run(
        ["systemd-sysusers", f"--root={tree}", "--dry-run", tree / "usr/lib/sysusers.d/prober.conf"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (CHECKOUT / "packaging/systemd").iterdir()} <= {
        path.name for path in (tree / "usr/lib/systemd/system").iterdir()
    }


def test_what_a_fleet_takes_is_laid_down(tree: Path, tmp_path: Path) -> None:
    """The units, a server's configuration, and with the command the rights of its users."""
    units = tree / "usr/lib/systemd/system"
    for name in ("agent.service", "labels.service", "labels.timer"):
        assert (units / f"prober-{name}").is_file(), name
    documents = tree / "usr/share/doc" / NAME
    for path in (CHECKOUT / "packaging/nats").iterdir():
        laid = documents / "nats" / path.name
        assert not laid.is_symlink() and laid.read_bytes() == path.read_bytes()
    seed = tmp_path / "a.seed"
    assert '"$KV.fleet.hosts.a"' in run_installed(tree, "fleet", "key", "a", "-o", str(seed))
    assert seed.stat().st_mode & 0o777 == 0o600


def test_manual_pages_and_completion_are_where_they_are_looked_for(tree: Path) -> None:
    share = tree / "usr/share"
    assert (share / "man/man1/prober-why.1").is_file() and (share / "man/man5/prober.toml.5").is_file()
    for place, name in COMPLETIONS.items():
        assert (share / place).read_bytes() == (CHECKOUT / "packaging/completion" / name).read_bytes()


def test_nobody_but_root_may_change_it(tree: Path) -> None:
    modes = {path.stat().st_mode & 0o022 for path in tree.rglob("*") if not path.is_symlink()}
    assert modes == {0}
    assert (tree / "usr/bin/prober").stat().st_mode & 0o777 == 0o755


def test_all_of_it_is_compiled(tree: Path) -> None:
    """Who runs it may not write there."""
    (packages,) = (tree / "usr/lib/prober/lib").glob("python*/site-packages")
    sources = list((packages / "prober").rglob("*.py"))
    compiled = list((packages / "prober").rglob("*.pyc"))
    assert len(sources) == len(compiled) > 200


def test_uninstalling_leaves_what_was_there(tree: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tree"
    shutil.copytree(tree, copy, symlinks=True)
    make("uninstall", copy)
    expected = {"usr", "usr/bin", "usr/bin/true", "usr/lib", "usr/lib/systemd", "usr/lib/systemd/system", "etc"}
    assert below(copy) == expected
    assert "nothing was installed" in make("uninstall", copy)


@pytest.mark.long
def test_an_upgrade_keeps_what_was_changed_and_takes_what_is_gone(tree: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tree"
    shutil.copytree(tree, copy, symlinks=True)
    settings, manifest = copy / "etc/prober/prober.toml", copy / "usr/lib/prober/manifest.json"
    settings.write_text("max_body = 4096\n")
    (copy / "usr/lib/prober/added").write_text("by somebody")
    (copy / "usr/bin/prober-old").write_text("of an earlier version")
    value = json.loads(manifest.read_text())
    value["files"]["/usr/bin/prober-old"] = "of then"
    manifest.write_text(json.dumps(value))
    assert "kept as it was" in make("install", copy)
    assert settings.read_text() == "max_body = 4096\n"
    assert not (copy / "usr/bin/prober-old").exists()
    assert "kept, as it was changed" in make("uninstall", copy)
    files = {name for name in below(copy) if (copy / name).is_file()}
    assert files == {"usr/bin/true", "etc/prober/prober.toml", "usr/lib/prober/added"}


def test_the_interpreter_is_named_with_its_version() -> None:
    """Compiled packages are for one alone."""
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in Path(find_python()).name
