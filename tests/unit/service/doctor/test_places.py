"""What is said of the cache, groups, modules, firmware, helpers and binaries."""

from __future__ import annotations

import asyncio
import gc
import grp
import json
import os
import pwd
import socket
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from prober.capabilities.cache import DiskCache
from prober.capabilities.entry import Entry
from prober.capabilities.find import CatalogSettings
from prober.capabilities.models import Version
from prober.service.doctor.binaries import look_at_binaries
from prober.service.doctor.examine import Doctor, _aside, examine
from prober.service.doctor.observed import Observation
from prober.service.doctor.places import look_at_cache, look_at_groups
from prober.service.doctor.software import look_at_confinement, look_at_firmware, look_at_helpers, look_at_modules
from prober.service.settings import ServiceSettings
from tests.conftest import aio
from tests.unit.capabilities.making import make_binary, make_learned


def _told(found: Sequence[Observation]) -> list[tuple[str, str]]:
    return [(one.level, one.what) for one in found]


def _levels(found: Sequence[Observation]) -> set[str]:
    return {one.level for one in found}


def _does(found: Sequence[Observation], level: str, what: str) -> Observation:
    """The one observation of this level that says so; what is no ``ok`` says why and what to do."""
    (one,) = (one for one in found if one.level == level and what in one.what)
    assert one.level == "ok" or (one.why and one.todo), one
    return one


# The cache.


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache of one sound entry."""
    directory = tmp_path / "cache"
    directory.mkdir(mode=0o700)
    learned, capabilities = make_learned(make_binary(tmp_path / "bin"))
    assert aio(DiskCache(directory).write(learned, capabilities))
    return directory


def test_a_cache_that_is_well(cache: Path) -> None:
    found = look_at_cache(cache, is_ours=True)
    assert _levels(found) == {"ok"}
    _does(found, "ok", "1 entries can be read")


def test_an_entry_that_is_spoilt(cache: Path) -> None:
    (entry,) = cache.glob("*.cache")
    data = bytearray(entry.read_bytes())
    data[len(data) // 2] ^= 1
    entry.write_bytes(data)
    one = _does(look_at_cache(cache, is_ours=True), "notice", "its checksum is wrong")
    assert one.where == str(entry)
    entry.rename(f"{entry}.bad")
    _does(look_at_cache(cache, is_ours=True), "notice", "1 entries were set aside")


def test_a_cache_that_others_can_write_to(cache: Path) -> None:
    cache.chmod(0o777)
    assert "chmod go-w" in _does(look_at_cache(cache, is_ours=True), "problem", "everybody can write").todo


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to give a directory away")
def test_a_cache_of_another_user(cache: Path) -> None:
    os.chown(cache, 65534, -1)
    _does(look_at_cache(cache, is_ours=True), "problem", "it belongs to nobody")
    assert _levels(look_at_cache(cache, is_ours=False)) == {"ok"}


def test_no_cache(tmp_path: Path) -> None:
    _does(look_at_cache(tmp_path / "none", is_ours=True), "problem", "there is no such directory")
    assert _told(look_at_cache(None, is_ours=True)) == [("notice", "answers are kept nowhere")]


# Groups.


def test_groups(tmp_path: Path) -> None:
    ours = grp.getgrgid(os.getgid()).gr_name
    settings = ServiceSettings(socket=tmp_path / "s", group="no-such-group", admin_group=ours)
    found = look_at_groups(settings)
    assert _does(found, "problem", "there is no group 'no-such-group'").where == "group"
    _does(found, "ok", f"the group {ours} may refresh, prove and rehearse: ")
    assert pwd.getpwuid(os.getuid()).pw_name in _does(found, "ok", "may refresh, prove and rehearse").what


def test_whom_the_socket_lets_in(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        path = tmp_path / "s"
        made.bind(str(path))
        settings = ServiceSettings(socket=path)
        path.chmod(0o666)
        _does(look_at_groups(settings), "notice", "the socket is for everybody (0666)")
        path.chmod(0o600)
        _does(look_at_groups(settings), "notice", "nobody but its owner")
        path.chmod(0o660)
        _does(look_at_groups(settings), "ok", f"the socket is for the group {grp.getgrgid(os.getgid()).gr_name}: ")


# What is installed.


def test_modules(tmp_path: Path) -> None:
    settings = ServiceSettings(catalog=CatalogSettings(module_directories=(tmp_path / "none",)))
    found = look_at_modules(settings, tmp_path)
    _does(found, "problem", "there is no such directory of modules")
    _does(found, "notice", "no module of QEMU is installed")
    place = tmp_path / "usr/lib/qemu"
    place.mkdir(parents=True)
    (place / "ui-gtk.so").write_text("")
    (place / "ui-gtk.txt").write_text("")
    assert _told(look_at_modules(ServiceSettings(), tmp_path)) == [("ok", "1 modules of QEMU")]


def test_firmware(tmp_path: Path) -> None:
    _does(look_at_firmware(tmp_path), "notice", "no firmware descriptor is there")
    place = tmp_path / "usr/share/qemu/firmware"
    place.mkdir(parents=True)
    code, variables = "/usr/share/OVMF/CODE.fd", "/usr/share/OVMF/VARS.fd"
    described = {
        "interface-types": ["uefi"],
        "mapping": {
            "device": "flash",
            "executable": {"filename": code, "format": "raw"},
            "nvram-template": {"filename": variables, "format": "raw"},
        },
        "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}],
        "features": [],
    }
    (place / "50-ovmf.json").write_text(json.dumps(described))
    (place / "60-broken.json").write_text("{")
    (place / "70-hidden.json").write_text("")
    (tmp_path / "usr/share/OVMF").mkdir()
    (tmp_path / code.lstrip("/")).write_text("")
    found = look_at_firmware(tmp_path)
    assert _does(found, "notice", "50-ovmf.json names a file that is not there").where == variables
    assert _does(found, "notice", "no sound descriptor").where == str(place / "60-broken.json")
    _does(found, "ok", "1 descriptors, 1 of them of UEFI")


def test_helpers(tmp_path: Path) -> None:
    assert _levels(look_at_helpers(tmp_path)) == {"notice"}
    for name in ("usr/bin/passt", "usr/libexec/virtiofsd", "usr/lib/qemu/qemu-bridge-helper"):
        make_binary(tmp_path / Path(name).parent, Path(name).name)
    found = look_at_helpers(tmp_path)
    _does(found, "ok", "passt is there")
    _does(found, "ok", "virtiofsd is there")
    _does(found, "notice", "qemu-bridge-helper has no setuid bit")
    (tmp_path / "usr/lib/qemu/qemu-bridge-helper").chmod(0o4755)
    _does(look_at_helpers(tmp_path), "ok", "qemu-bridge-helper is there")


def test_confinement() -> None:
    found = aio(look_at_confinement(kvm=False, proves=False))
    assert {one.topic for one in found} == {"confinement"}
    assert any("Landlock" in one.what for one in found)
    assert "problem" not in _levels(found), "an interview goes on without"


# Binaries.


def test_binaries(tmp_path: Path) -> None:
    entries = [
        Entry(id="a", path="/a", kind="binary", state="failed", error="/a could not be asked: it ended", hint="look"),
        Entry(id="b", path="/b", kind="binary", state="asking"),
    ]
    settings = CatalogSettings(directories=(tmp_path / "none",))
    found = look_at_binaries(settings, entries)
    assert _does(found, "problem", "/a could not be asked: it ended").todo == "look"
    assert _does(found, "notice", "catalog.directories names what is not there").where == str(tmp_path / "none")
    version = Version(major=7, minor=2, micro=0)
    alone = Entry(id="c", path="/c", kind="binary", state="ready", version=version)
    bare = alone.model_copy(update={"confinement": "none", "unconfined": ("no bubblewrap.",)})
    assert "no bubblewrap." in _does(look_at_binaries(settings, [bare]), "notice", "without a box of its own").why
    weak = alone.model_copy(update={"confinement": "weak", "unconfined": ("It sees processes.",)})
    _does(look_at_binaries(settings, [weak]), "ok", "in its box (weak): It sees processes.")
    found = look_at_binaries(settings, [])
    assert f"looked in {tmp_path}/none" in _does(found, "problem", "no QEMU binary was found").what


def test_what_is_asked_again_at_once_is_not_looked_at_again(tmp_path: Path) -> None:
    """It costs the host something."""
    looks: list[None] = []

    def entries() -> list[Entry]:
        looks.append(None)
        return []

    settings = ServiceSettings(catalog=CatalogSettings(directories=(tmp_path,), qemu_kvm=None, cache_dir=None))

    async def go() -> None:
        doctor = Doctor(lambda: settings, entries, None)
        first, second = await asyncio.gather(doctor.report(), doctor.report())
        assert first is second

    aio(go())
    assert len(looks) == 1


def test_a_look_that_is_given_up_ends() -> None:
    """It goes on in a thread of its own, which nobody could stop otherwise."""
    began, ended = threading.Event(), threading.Event()

    async def look() -> list[Observation]:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return []

    async def go() -> None:
        task = asyncio.create_task(_aside(look))
        await asyncio.to_thread(began.wait, 20)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert await asyncio.to_thread(ended.wait, 20)

    aio(go())


def test_who_gives_up_leaves_nothing_that_was_not_begun() -> None:
    """Python warns of a coroutine that nobody ever awaits."""

    async def go() -> None:
        task = asyncio.create_task(examine("service", ServiceSettings(), []))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        aio(go())
        gc.collect()
    assert [str(one.message) for one in told] == []
