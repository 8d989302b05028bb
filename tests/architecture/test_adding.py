"""docs/adding-an-element.md, followed literally: its diffs applied to a copy of the tree, and their cases run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.diffs import apply
from tests.architecture.imports import ROOT

DOCUMENT = ROOT / "docs" / "adding-an-element.md"


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with everything that the document does, and its empty cases filled in."""
    copy = tmp_path_factory.mktemp("adding") / "prober"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("prober", "tests", "tools", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    (copy / "fixtures").symlink_to(ROOT / "fixtures")
    shutil.copy(ROOT / "pyproject.toml", copy)
    apply(DOCUMENT.read_text(), copy)
    run(copy, rewrite=True)
    return copy


def run(copy: Path, *, rewrite: bool = False) -> str:
    """The cases of the document, run in the copy; what pytest prints."""
    environment = {**os.environ, "PROBER_REWRITE_CASES": "1" if rewrite else "", "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", "tests/cases/test_cases.py"]
    done = subprocess.run(
        [*command, "-k", "balloon-page-poison or edu.qemu"],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_cases_of_the_document_pass_as_they_were_written(changed: Path) -> None:
    assert "2 passed" in run(changed)


def test_the_new_attribute_is_the_property(changed: Path) -> None:
    argv = (changed / "tests" / "cases" / "balloon-page-poison.qemu-10.0.13.argv").read_text()
    assert '-device \'{"driver":"virtio-balloon-pci","page-poison":false,"id":"balloon0"' in argv


def test_the_new_device_is_on_the_command_line_where_the_xml_puts_it(changed: Path) -> None:
    argv = (changed / "tests" / "cases" / "edu.qemu-10.0.13.argv").read_text()
    assert '-device \'{"driver":"edu","dma_mask":65535,"id":"edu0","bus":"pci.0","addr":"0x5"}\'' in argv
