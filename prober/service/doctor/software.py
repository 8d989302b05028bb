"""What is installed beside QEMU: its modules, firmware, the programs that domains need, and what confines a QEMU."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import stat
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from prober.errors import ConfinementError
from prober.host.descriptor import Descriptor, FlashMapping
from prober.host.firmware import DIRECTORIES, read_firmware
from prober.qemu.box.find import find_box
from prober.qemu.box.landlock import find_abi
from prober.service.doctor.observed import Level, Observation, observe
from prober.service.settings import ServiceSettings

#: Programs that some domains need, where they may be, and what for.
_HELPERS = (
    ("passt", ("usr/bin/passt",), "interfaces with <backend type='passt'/>", "passt"),
    ("swtpm", ("usr/bin/swtpm",), "an emulated TPM", "swtpm"),
    ("swtpm_setup", ("usr/bin/swtpm_setup",), "a new emulated TPM", "swtpm-tools"),
    (
        "virtiofsd",
        ("usr/libexec/virtiofsd", "usr/lib/qemu/virtiofsd"),
        "filesystems of type virtiofs",
        "virtiofsd (Debian 12 has it in qemu-system-common)",
    ),
    (
        "qemu-bridge-helper",
        ("usr/lib/qemu/qemu-bridge-helper", "usr/libexec/qemu-bridge-helper"),
        "taps on a bridge that QEMU has made for it, without a daemon",
        "qemu-system-common",
    ),
)  # fmt: skip

#: Where QEMU's modules are, below /usr (CONFIG_QEMU_MODDIR).
_MODULE_PLACES = ("lib/qemu", "lib64/qemu", f"lib/{sysconfig.get_config_var('MULTIARCH') or os.uname().machine}/qemu")


def look_at_modules(settings: ServiceSettings, root: Path = Path("/")) -> list[Observation]:
    """The directories of QEMU's modules: those that the settings name, and the usual ones.  Blocks."""
    found = []
    for place in settings.catalog.module_directories:
        if not place.is_dir():
            why = "what these modules bring is not noticed when it changes"
            todo = "install them there, or mend catalog.module_directories"
            found.append(observe("modules", "problem", "there is no such directory of modules", place, why, todo))
    usual = [root / "usr" / place for place in dict.fromkeys(_MODULE_PLACES)]
    seen = [one for place in (*settings.catalog.module_directories, *usual) if (one := _modules(place)) is not None]
    if not seen:
        why = "where a distribution has displays, audio or block drivers in modules, QEMU has none of them"
        todo = "install them where they are wanted: qemu-system-gui, qemu-block-extra"
        todo += " (from Debian 13 on qemu-system-modules-opengl, too)"
        found.append(observe("modules", "notice", "no module of QEMU is installed", usual[-1], why, todo))
    return [*found, *seen]


def _modules(place: Path) -> Observation | None:
    try:
        names = [path.name for path in place.iterdir() if path.name.endswith(".so")]
    except OSError:
        return None
    closed = sorted(name for name in names if not os.access(place / name, os.R_OK))
    if closed:
        why, todo = "QEMU goes on without it, and says so nowhere", f"chmod a+r {place}/*.so"
        return observe("modules", "problem", f"{len(closed)} modules may not be read: {closed[0]}", place, why, todo)
    return observe("modules", "ok", f"{len(names)} modules of QEMU", place) if names else None


def look_at_firmware(root: Path = Path("/")) -> list[Observation]:
    """The descriptors of firmware, and whether the files that they name are there.  Blocks."""
    descriptors = read_firmware(root)
    known = {descriptor.name for descriptor in descriptors}
    found = [one for descriptor in descriptors for one in _missing(root, descriptor)]
    for directory in DIRECTORIES:
        found += _unsound(root / directory, known)
    if not descriptors:
        why, todo = "a domain with firmware='efi' is refused", "install it: ovmf for x86, qemu-efi-aarch64 for Arm"
        found.append(observe("firmware", "notice", "no firmware descriptor is there", root / DIRECTORIES[0], why, todo))
    else:
        count = f"{len(descriptors)} descriptors"
        efi = sum("uefi" in descriptor.interface_types for descriptor in descriptors)
        found.append(observe("firmware", "ok", f"{count}, {efi} of them of UEFI", root / DIRECTORIES[0]))
    return found


def _missing(root: Path, descriptor: Descriptor) -> Iterator[Observation]:
    mapping = descriptor.mapping
    files = [mapping.filename]
    if isinstance(mapping, FlashMapping) and mapping.nvram_template is not None:
        files.append(mapping.nvram_template.filename)
    for name in files:
        if not (root / name.lstrip("/")).exists():
            why = f"a domain that {descriptor.name} is chosen for does not start"
            todo = (
                "install the firmware again, or hide the descriptor by an empty file of its name in /etc/qemu/firmware"
            )
            yield observe("firmware", "notice", f"{descriptor.name} names a file that is not there", name, why, todo)


def _unsound(directory: Path, known: set[str]) -> Iterator[Observation]:
    try:
        names = sorted(path.name for path in directory.iterdir() if path.name.endswith(".json"))[:1000]
        for name in names:
            path = directory / name
            if name not in known and path.stat().st_size:  # An empty one hides another, and is meant so.
                why, todo = "it is left out, as libvirt leaves it out", "mend it, or install the firmware again"
                yield observe("firmware", "notice", "it is no sound descriptor, or may not be read", path, why, todo)
    except OSError:
        return


def look_at_helpers(root: Path = Path("/")) -> list[Observation]:
    """Programs that some domains need: for information, as most domains need none.  Blocks."""
    return [_helper(root, *row) for row in _HELPERS]


def _helper(root: Path, name: str, places: tuple[str, ...], purpose: str, package: str) -> Observation:
    candidates = [str(root / place) for place in places]
    if root == Path("/") and (there := shutil.which(name)):
        candidates.append(there)
    path = next((place for place in candidates if os.access(place, os.X_OK)), None)
    if path is None:
        return observe(
            "helpers", "notice", f"{name} is not there", candidates[0], f"it is for {purpose}", f"install {package}"
        )
    if name == "qemu-bridge-helper" and not Path(path).stat().st_mode & stat.S_ISUID:
        why, todo = f"it is for {purpose}, and takes the right to make taps", f"chmod u+s {path}, where that is wanted"
        return observe("helpers", "notice", f"{name} has no setuid bit", path, why, todo)
    return observe("helpers", "ok", f"{name} is there", path)


async def look_at_confinement(*, kvm: bool, proves: bool) -> list[Observation]:
    """What QEMUs are confined by, and what could not be had.  ``proves`` is whether lines are proven in this process.

    Started for real, and remembered by the process: what an interview has got is what is told.
    """
    found = await asyncio.to_thread(lambda: list(_parts()))
    try:
        made = await find_box(kvm=kvm, asked_only=not proves)
    except ConfinementError as error:
        why = "a QEMU that is interviewed is held by limits and a filter of system calls alone"
        why += ", and no line can be proven" if proves else ""
        level: Level = "problem" if proves else "notice"
        return [observe("confinement", level, error.message, "", why, error.hint), *found]
    said = f"QEMUs are confined, in the form {made.form!r}"
    lacking = " ".join(made.describe()[1:])
    if made.form == "bubblewrap":
        return [
            observe("confinement", "ok", said, made.bwrap),
            *([observe("confinement", "ok", lacking)] if lacking else []),
            *found,
        ]
    todo = "install bubblewrap, and let users make user namespaces; in prober.service that is closed on purpose"
    return [observe("confinement", "notice", said, "", " ".join(made.describe()), todo), *found]


def _parts() -> Iterator[Observation]:
    """What a confinement is made of."""
    bwrap = shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin")
    if bwrap is None:
        yield observe(
            "confinement", "notice", "bubblewrap is not installed", "", "it gives the best box", "install bubblewrap"
        )
    for name, closed in (
        ("user/max_user_namespaces", "0"),
        ("kernel/unprivileged_userns_clone", "0"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ):
        path = Path("/proc/sys", name)
        try:
            value = path.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue
        if value == closed:
            why, todo = (
                "bubblewrap cannot make a box for an ordinary user",
                f"sysctl {name.replace('/', '.')}, in /etc/sysctl.d",
            )
            yield observe(
                "confinement", "notice", f"user namespaces are closed by {path.name} = {value}", path, why, todo
            )
    abi = find_abi()
    if abi:
        yield observe("confinement", "ok", f"Landlock has ABI {abi}")
    else:
        why = "without bubblewrap too little is left to confine a QEMU of an ordinary user"
        todo = f"a kernel with Landlock: this is {platform.release()}, and 6.12 has all of it"
        yield observe("confinement", "notice", "the kernel has no Landlock", "", why, todo)
