"""The hook of ``.pre-commit-hooks.yaml``, run by pre-commit itself in a repository with domains."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.integration.installing import copy_sources, offline

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(directory: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=directory, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this checkout as a repository of their own, which pre-commit clones."""
    made = tmp_path_factory.mktemp("hooks")
    copy_sources(made)
    commit(made)
    return made


def commit(directory: Path) -> None:
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "all"]):
        assert run(directory, "git", *words).returncode == 0


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory, hooks: Path) -> Path:
    """A repository of domains that uses the hooks."""
    made = tmp_path_factory.mktemp("domains")
    for name in ("example.xml", "refused.xml"):
        shutil.copy(CHECKOUT / "fixtures" / "domains" / name, made / name)
    revision = run(hooks, "git", "rev-parse", "HEAD").stdout.strip()
    (made / ".pre-commit-config.yaml").write_text(
        f"""repos:
- repo: {hooks}
  rev: {revision}
  hooks:
  - id: prober-check
    args: [--against, qemu-7.2, --against, qemu-10.0]
"""
    )
    commit(made)
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps what it installed."""
    return tmp_path_factory.mktemp("home")


def run_hook(domains: Path, home: Path, hook: str, *files: str) -> subprocess.CompletedProcess[str]:
    env = offline() | {"PRE_COMMIT_HOME": str(home), "PRE_COMMIT_COLOR": "never"}
    words = (sys.executable, "-m", "pre_commit", "run", hook, "--files", *files)
    return run(domains, *words, env=env)


def test_pre_commit_installs_the_hooks_and_runs_them(domains: Path, home: Path) -> None:
    sound = run_hook(domains, home, "prober-check", "example.xml")
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert "Passed" in sound.stdout

    refused = run_hook(domains, home, "prober-check", "example.xml", "refused.xml")
    assert refused.returncode == 1
    assert "- exit code: 3" in refused.stdout
    assert "refused.xml:12: /domain/pm/acpi-root-hotplug/@enabled:" in refused.stdout


def test_the_hook_takes_any_name_and_says_what_is_no_domain(domains: Path, home: Path) -> None:
    (domains / "a b").mkdir(exist_ok=True)
    shutil.copy(domains / "refused.xml", domains / "a b" / "caf\u00e9 50%.xml")
    (domains / "net.xml").write_text("<network><name>default</name></network>\n")
    (domains / "cut.xml").write_text("<domain\n")
    (domains / "read.me").write_text("no XML\n")

    named = run_hook(domains, home, "prober-check", "a b/caf\u00e9 50%.xml", "example.xml")
    assert (named.returncode, "- exit code: 3" in named.stdout) == (1, True)
    assert "a b/caf\u00e9 50%.xml:12: " in named.stdout

    other = run_hook(domains, home, "prober-check", "net.xml")
    assert (other.returncode, "- exit code: 3" in other.stdout) == (1, True)
    assert "net.xml:1: /network: <network> is not a domain" in other.stdout

    cut = run_hook(domains, home, "prober-check", "cut.xml", "example.xml")
    assert (cut.returncode, "- exit code: 2" in cut.stdout) == (1, True)
    assert "cut.xml:" in cut.stdout

    for files in ((), ("read.me",)):
        none = run_hook(domains, home, "prober-check", *files)
        assert (none.returncode, "Skipped" in none.stdout) == (0, True)


def test_a_recording_that_does_not_come_along_is_named_with_those_that_do(domains: Path, home: Path) -> None:
    config = domains / ".pre-commit-config.yaml"
    kept = config.read_text()
    try:
        config.write_text(kept.replace("qemu-10.0", "qemu-99"))
        run(domains, "git", "add", "-A")
        told = run_hook(domains, home, "prober-check", "example.xml")
    finally:
        config.write_text(kept)
        run(domains, "git", "add", "-A")
    assert (told.returncode, "- exit code: 2" in told.stdout) == (1, True)
    assert "qemu-99" in told.stdout
    assert "qemu-10.0.13" in told.stdout
