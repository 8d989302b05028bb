"""Try the units under a real systemd, in a virtual machine: ``make unit-vm``.

A Debian is laid out once (``build/unit-vm/root``), this checkout is installed into it as a package would do it, and the
trial (``tools/unit_vm_trial.py``) runs in it behind the units.  What it finds comes back on the serial console.  Needs
root, mmdebstrap, mke2fs and qemu-system-x86, and a Python of Debian's version, as compiled packages are copied.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parent.parent
PLACE = CHECKOUT / "build" / "unit-vm"
ROOT = PLACE / "root"
SUITE, PYTHON = "bookworm", (3, 11)

_PACKAGES = "systemd-sysv,udev,dbus,python3,linux-image-cloud-amd64,kmod,qemu-system-x86,bubblewrap"

#: Where a package has prober, inside.
_LIBRARY = "usr/lib/qemu-prober"
_COMMAND = f"""#!/usr/bin/python3 -I
import sys
sys.path.insert(0, "/{_LIBRARY}")
from prober.cli.start import start
start()
"""
_TRIAL_UNIT = f"""[Unit]
Description=The trial of prober's units
After=prober.socket prober-prover.socket systemd-user-sessions.service

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I /{_LIBRARY}/unit_vm_trial.py
ExecStopPost=/usr/bin/systemctl --no-block poweroff --force
StandardError=journal+console
"""
_SIZE = "2000M"
_PATIENCE_S = 2400.0
_MARK = "@@ "


def main() -> int:
    """Lay out, install, boot, and print what was found; 1 where a step of the trial failed."""
    if os.geteuid() != 0 or sys.version_info[:2] != PYTHON:
        sys.exit(f"this takes root, and Python {PYTHON[0]}.{PYTHON[1]}")
    missing = [name for name in ("mmdebstrap", "mke2fs", "qemu-system-x86_64") if shutil.which(name) is None]
    if missing:
        sys.exit(f"not installed: {' '.join(missing)}")
    lay_out()
    install()
    found = list(boot())
    for step in found:
        print(f"{'ok    ' if step['ok'] else 'FAILED'}  {step['seconds']:7.1f} s  {step['name']}: {step['said']}")
    whole = bool(found) and found[-1]["name"] == "end"
    if not whole:
        print(f"the trial did not come to its end: see {PLACE / 'console'}")
    return 0 if whole and all(step["ok"] for step in found) else 1


def lay_out() -> None:
    """The root directory of a Debian, whole or not at all."""
    if ROOT.exists():
        return
    partial = ROOT.with_name("root.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    print(f"making {ROOT} from Debian {SUITE}")
    old = '--aptopt=Acquire::Check-Valid-Until "false"'
    words = ["mmdebstrap", "--quiet", "--variant=minbase", old, f"--include={_PACKAGES}", SUITE, str(partial)]
    subprocess.run(words, check=True)
    partial.rename(ROOT)


def install() -> None:
    """This checkout, with what it needs of Python, its units and its users."""
    library = ROOT / _LIBRARY
    shutil.rmtree(library, ignore_errors=True)
    shutil.copytree(CHECKOUT / "prober", library / "prober", ignore=shutil.ignore_patterns("__pycache__"))
    for name in sorted(_needed("qemu-prober") - {"qemu-prober"}):
        _copy_distribution(name, library)
    shutil.copy(Path(__file__).with_name("unit_vm_trial.py"), library)
    command = ROOT / "usr/bin/prober"
    command.write_text(_COMMAND)
    command.chmod(0o755)
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-s", ROOT, library], check=True)
    packaging, units = CHECKOUT / "packaging", ROOT / "usr/lib/systemd/system"
    wants = ROOT / "etc/systemd/system/sockets.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    for unit in (packaging / "systemd").iterdir():
        shutil.copy(unit, units)
        if unit.suffix == ".socket":
            (wants / unit.name).unlink(missing_ok=True)
            (wants / unit.name).symlink_to(f"/usr/lib/systemd/system/{unit.name}")
    for kind in ("sysusers.d", "tmpfiles.d"):
        shutil.copy(packaging / kind / "prober.conf", ROOT / "usr/lib" / kind)
    subprocess.run(["systemd-sysusers", f"--root={ROOT}", ROOT / "usr/lib/sysusers.d/prober.conf"], check=True)
    (units / "prober-trial.service").write_text(_TRIAL_UNIT)
    trial = ROOT / "etc/systemd/system/multi-user.target.wants/prober-trial.service"
    trial.parent.mkdir(parents=True, exist_ok=True)
    trial.unlink(missing_ok=True)
    trial.symlink_to("/usr/lib/systemd/system/prober-trial.service")
    # A login prompt on the console takes it from the trial.
    prompt = ROOT / "etc/systemd/system/serial-getty@ttyS0.service"
    prompt.unlink(missing_ok=True)
    prompt.symlink_to("/dev/null")
    (ROOT / "etc/prober").mkdir(exist_ok=True)
    (ROOT / "etc/fstab").write_text("/dev/vda / ext4 rw 0 1\n")


def _needed(name: str, found: set[str] | None = None) -> set[str]:
    """A distribution and all that it needs, without what is extra."""
    found = set() if found is None else found
    if name in found:
        return found
    found.add(name)
    for line in distribution(name).requires or ():
        if ";" not in line:
            _needed(re.split(r"[\s<>=!~\[(]", line, maxsplit=1)[0], found)
    return found


def _copy_distribution(name: str, target: Path) -> None:
    for file in distribution(name).files or ():
        if ".." in file.parts or "__pycache__" in file.parts:
            continue
        place = target / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file.locate(), place)


def boot() -> Iterator[dict[str, Any]]:
    """Boot it, and give what the trial says of its steps, one after the other."""
    disk = PLACE / "disk.ext4"
    disk.unlink(missing_ok=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", ROOT, disk, _SIZE], check=True)
    kernel = next((ROOT / "boot").glob("vmlinuz-*"))
    initrd = next((ROOT / "boot").glob("initrd.img-*"))
    # Without the last but one, a machine that is short of time ends in "timer not connected to IO-APIC".
    kernel_words = "root=/dev/vda rw console=ttyS0 mitigations=off panic=-1 quiet no_timer_check systemd.show_status=no"
    words = [
        *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"),
        *("-m", "2048", "-nodefaults", "-nographic", "-serial", "stdio", "-no-reboot"),
        *("-kernel", str(kernel), "-initrd", str(initrd)),
        *("-append", kernel_words),
        *("-drive", f"file={disk},format=raw,if=virtio,snapshot=on"),
    ]
    began = time.monotonic()
    with (PLACE / "console").open("wb") as console, subprocess.Popen(words, stdout=subprocess.PIPE) as machine:
        try:
            assert machine.stdout is not None
            for line in machine.stdout:
                console.write(line)
                console.flush()
                text = line.decode(errors="replace")
                if _MARK in text:
                    yield json.loads(text.partition(_MARK)[2])
                if time.monotonic() - began > _PATIENCE_S:
                    return
        finally:
            machine.kill()
    print(f"the machine was up for {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
