"""Try the service under a real systemd, in a virtual machine: ``make vm-test``.

A Debian is laid out once (``build/vm-test/root``) with an older QEMU and the packages of a newer one, the package of
this checkout is built and installed into it (``make deb``), and the trial (``tools/vm_trial.py``) runs in it behind the
units.  What it finds comes back on the serial console, a row for each step.  Needs root, mmdebstrap, bubblewrap, mke2fs
and qemu-system-x86.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.deb import build, require_tools
from tools.install import NAME

CHECKOUT = Path(__file__).parent.parent
PLACE = CHECKOUT / "build" / "vm-test"
ROOT = PLACE / "root"
SUITE = "bookworm"

_PACKAGES = "systemd-sysv,udev,dbus,procps,python3,linux-image-cloud-amd64,kmod,qemu-system-x86,bubblewrap"

#: What QEMU is upgraded by, in the machine: packages of one source, all of one version.
_QEMU = ("qemu-system-x86", "qemu-system-common", "qemu-system-data")
_INSTALLED, _UPGRADE = "var/cache/qemu-installed", "var/cache/qemu-upgrade"

_TRIALS = (
    *("__init__.py", "vm_inside.py", "vm_trial.py"),
    *("vm_trial_fleet.py", "vm_trial_package.py", "vm_trial_prover.py", "vm_trial_service.py"),
)
_TRIAL = "usr/lib/prober-trial"
_TRIAL_UNIT = f"""[Unit]
Description=The trial of prober's units
After=prober.socket prober-prover.socket systemd-user-sessions.service

[Service]
Type=oneshot
WorkingDirectory=/{_TRIAL}
ExecStart=/usr/lib/prober/bin/python3 -m tools.vm_trial
ExecStopPost=/usr/bin/systemctl --no-block poweroff --force
StandardError=journal+console
"""
_SIZE = "2400M"
#: On a machine that nobody else uses it takes half of this.
_PATIENCE_S = float(os.environ.get("PROBER_VM_PATIENCE", "1200"))
_MARK = "@@ "
_COLUMNS = "outcome  seconds  step"


def main() -> int:
    """Lay out, install, boot, and print what was found, a row a step; 1 where one of them failed."""
    require_tools()
    missing = [name for name in ("mke2fs", "qemu-system-x86_64") if shutil.which(name) is None]
    if missing:
        sys.exit(f"not installed: {' '.join(missing)}")
    lay_out()
    install(build(SUITE))
    print(_COLUMNS)
    found = []
    for step in boot():
        found.append(step)
        said = str(step["said"]).replace("\n", " | ")
        print(f"{'ok     ' if step['ok'] else 'FAILED '}  {step['seconds']:7.1f}  {step['name']}: {said}", flush=True)
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
    _lay_two_qemus(partial)
    partial.rename(ROOT)


def _lay_two_qemus(root: Path) -> None:
    """The older of two versions of Debian's QEMU installed, and the packages of the newer beside it."""
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    _inside(root, "apt-get", "-q", "-o", "Acquire::Check-Valid-Until=false", "update")
    said = _inside(root, "apt-cache", "madison", _QEMU[0])
    versions = list(dict.fromkeys(line.split("|")[1].strip().partition("+b")[0] for line in said.splitlines()))
    if len(versions) < 2:
        sys.exit(f"Debian {SUITE} has one version of QEMU alone, {versions}: there is nothing to upgrade it to")
    for version in sorted(versions, key=_number)[-2:]:
        place = root / "var/cache" / f"qemu-{version.rpartition(':')[2]}"
        place.mkdir()
        for package in _QEMU:
            listed = _inside(root, "apt-cache", "madison", package).splitlines()
            exact = next(line.split("|")[1].strip() for line in listed if f" {version}" in line)
            _inside(root, "sh", "-c", f"cd /{place.relative_to(root)} && apt-get -q download {package}={exact}")
        place.rename(root / (_UPGRADE if (root / _INSTALLED).exists() else _INSTALLED))
    _inside(root, "sh", "-c", f"dpkg --force-downgrade -i /{_INSTALLED}/*.deb")


def _number(version: str) -> int:
    return int(version.rpartition("deb12u")[2])


def _inside(root: Path, *words: str) -> str:
    done = subprocess.run(["chroot", str(root), *words], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def install(package: Path) -> None:
    """The package of this checkout, as on a host that has not had it, and the trial."""
    shutil.copy(package, ROOT / "var/cache")
    _inside(ROOT, "dpkg", "--purge", NAME)
    _inside(ROOT, "dpkg", "-i", f"/var/cache/{package.name}")
    (ROOT / "var/cache" / package.name).unlink()
    trial = ROOT / _TRIAL
    shutil.rmtree(trial, ignore_errors=True)
    (trial / "tools").mkdir(parents=True)
    for name in _TRIALS:
        shutil.copy(CHECKOUT / "tools" / name, trial / "tools")
    shutil.copy(Path(sys.executable).parent / "nats-server", trial)
    system, units = ROOT / "etc/systemd/system", ROOT / "usr/lib/systemd/system"
    (units / "prober-trial.service").write_text(_TRIAL_UNIT)
    for name, target in (
        ("multi-user.target.wants/prober-trial.service", "/usr/lib/systemd/system/prober-trial.service"),
        # A login prompt on the console takes it from the trial.
        ("serial-getty@ttyS0.service", "/dev/null"),
    ):
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).unlink(missing_ok=True)
        (system / name).symlink_to(target)
    (ROOT / "etc/fstab").write_text("/dev/vda / ext4 rw 0 1\n")
    # Emulated on a busy machine, a first start takes longer than the minute and a half that systemd gives.
    manager = ROOT / "etc/systemd/system.conf.d/trial.conf"
    manager.parent.mkdir(exist_ok=True)
    manager.write_text("[Manager]\nDefaultTimeoutStartSec=300\n")


def boot() -> Iterator[dict[str, Any]]:
    """Boot it, and give what the trial says of its steps, one after the other."""
    disk = PLACE / "disk.ext4"
    disk.unlink(missing_ok=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", ROOT, disk, _SIZE], check=True)
    kernel = next((ROOT / "boot").glob("vmlinuz-*"))
    initrd = next((ROOT / "boot").glob("initrd.img-*"))
    # Without the last but one, a machine that is short of time ends in "timer not connected to IO-APIC".
    # The journal is on the console, for who looks why a step failed.
    kernel_words = (
        "root=/dev/vda rw console=ttyS0 mitigations=off panic=-1 quiet no_timer_check systemd.show_status=no"
        " systemd.journald.forward_to_console=1"
    )
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
