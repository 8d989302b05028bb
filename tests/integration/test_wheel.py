"""The sdist and the wheel: both are built, installed without the checkout, and tried as a new user would."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from urllib.request import urlopen

import pytest

import prober
from tests.conftest import CHECKOUT
from tests.integration.processes import start_group
from tests.sharing import make_once

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

_BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"
#: What is made of the checkout, and is no part of it, and the tests, which no sdist has.
_LEFT_OUT = (".*", "build", "dist", "run", "mutants", "*.egg-info", "__pycache__", "tests")
_RECORDINGS = {path.name for path in (CHECKOUT / "fixtures/replies").iterdir()}


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``sdist``, the ``wheel`` that was built of it, and ``venv``, which has nothing else."""
    return make_once(tmp_path_factory, "wheel", _make)


def _make(place: Path) -> None:
    place.mkdir()
    shutil.copytree(CHECKOUT, place / "copy", symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    sdist = _build("build_sdist", place / "copy", place / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(place / "unpacked", filter="data")
    (sources,) = (place / "unpacked").iterdir()
    wheel = _build("build_wheel", sources, place / "wheel")
    for name in ("copy", "unpacked"):
        shutil.rmtree(place / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], check=True)
    (packages,) = (place / "venv").glob("lib/python*/site-packages")
    # What prober needs, of which nothing is fetched, comes from here.  What a .pth file there says is not heeded.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(place / "venv/bin/python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], check=True)


def _build(what: str, sources: Path, target: Path) -> Path:
    words = [sys.executable, "-c", _BUILD, what, str(target)]
    done = subprocess.run(words, cwd=sources, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


def command(place: Path, *words: str) -> list[str]:
    """``prober`` as it was installed, with an empty environment."""
    return ["env", "-i", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", str(place / "venv/bin/prober"), *words]


def told_by(wheel: Path) -> Message:
    """The metadata."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        (["--version"], 0, f"prober {prober.__version__}"),
        (["supports", "e1000", "--replies", "qemu-7.2"], 0, "e1000: present"),
        (["explain", "virtio-sound-pci", "--replies", "qemu-10"], 0, "versions  absent 5.2.0"),
        (["translate", "--replies", "qemu-7.2", "vm.xml"], 0, "-global PIIX4_PM.acpi-root-pci-hotplug=off"),
        (["check", "vm.xml", "--against", "bundled"], 0, "qemu-11.1.2"),
        (["report", "vm.xml", "--against", "qemu-5.2", "-o", "-"], 0, "self.preact"),
        (["config", "--config", "/dev/null", "--check"], 0, ""),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)  # fmt: skip
def test_it_works_from_an_empty_directory(place: Path, tmp_path: Path, words: list[str], code: int, shown: str) -> None:
    if "vm.xml" in words:
        shutil.copy(CHECKOUT / "fixtures/domains/example.xml", tmp_path / "vm.xml")
    done = subprocess.run(command(place, *words), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, shown in done.stdout) == (code, True), done.stdout + done.stderr


def test_its_service_serves_the_recordings_where_no_qemu_is_found(place: Path, tmp_path: Path) -> None:
    """In the words that one would type, but for the socket's place; and nothing of it is taken from the checkout."""
    places = ("--socket", "s", "--cache", "cache", "--prover-socket", "", "--directory", "none")
    words = command(place, "serve", "--config", "/dev/null", *places, "--fallback-replies", "bundled")
    with start_group(words, cwd=tmp_path) as group:
        printed = group.wait_for(lambda text: "Ctrl-C ends it." in text)
        assert all(f"  {name.removesuffix('.replies.xz')} " in printed for name in _RECORDINGS), printed
        with start_group(command(place, "ui", "--socket", "s"), cwd=tmp_path) as page:
            address = page.wait_for(lambda text: "Ctrl-C ends it." in text).split("/#")[0]
            with urlopen(f"{address}/static/live.css") as answer:
                assert b".editor" in answer.read()
        asked = command(place, "supports", "--socket", "s", "--binary", "qemu-7.2.22", "e1000")
        assert (
            "e1000: present" in subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        )
        group.press_ctrl_c()
    where = [str(place / "venv/bin/python"), "-I", "-c", "import prober; print(prober.__file__)"]
    said = subprocess.run(where, capture_output=True, text=True, check=True).stdout
    assert Path(said).is_relative_to(place / "venv")


def test_the_wheel_says_what_it_is(place: Path) -> None:
    (wheel,) = (place / "wheel").iterdir()
    told = told_by(wheel)
    assert (told["Name"], told["Version"]) == ("qemu-prober", prober.__version__)
    assert (told["License-Expression"], told.get_all("License-File")) == ("Apache-2.0", ["LICENSE"])
    assert told["Requires-Python"] == ">=3.11"
    assert {"Operating System :: POSIX :: Linux", "Typing :: Typed"} <= set(told.get_all("Classifier", []))
    assert told["Summary"] and told["Description-Content-Type"] == "text/markdown"


def test_the_wheel_has_the_recordings_and_nothing_of_the_checkout_but_the_package(place: Path) -> None:
    (wheel,) = (place / "wheel").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.rpartition("/")[2] for name in names if name.startswith("prober/replies/")} == _RECORDINGS
    assert {name.partition("/")[0] for name in names} == {"prober", f"qemu_prober-{prober.__version__}.dist-info"}
    files = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "prober").rglob("*") if path.is_file()}
    expected = {name for name in files if "__pycache__" not in name}
    expected |= {f"prober/replies/{name}" for name in _RECORDINGS}
    assert {name for name in names if name.startswith("prober/")} == expected
    assert any(re.fullmatch(r".*/licenses/LICENSE", name) for name in names)


def test_the_sdist_has_what_packages_are_made_of(place: Path) -> None:
    """But for the tests: whoever runs those has the repository."""
    (sdist,) = (place / "sdist").iterdir()
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = {"Makefile", "CHANGELOG.md", "SECURITY.md", "requirements.lock", "setup.py", "tools/install.py"}
    expected |= {"packaging/prober.toml", "packaging/systemd/prober.service", "fixtures/domains/example.xml"}
    assert expected <= names
    assert not [name for name in names if name.endswith(".pyc") or name.startswith("tests/")]
