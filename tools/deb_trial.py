"""The Debian package, installed, upgraded, removed and purged in fresh root directories: ``make deb-test``.

A bare root of the release (``build/deb/RELEASE/fresh``) is copied, gets what the package depends on, and has no network
from then on.  What is upgraded is the package itself under a lower version, with a file more and another default
configuration.  A row for each step, and 1 in the end where one failed.  Needs what ``make deb`` needs, and the package.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import prober
from tools.deb import PLACE, RELEASES, inside, make_root, package_of, require_tools
from tools.install import NAME

_RECOMMENDED = "bubblewrap"
_OLD_VERSION = "0.0.1"
#: A module that only the version before has.
_GONE = "of_then.py"
_SETTINGS = "etc/prober/prober.toml"
_CACHE = "var/cache/prober"
_WANTS = "etc/systemd/system/sockets.target.wants"

#: What its timers write, into directories of those who read it, which are not there without them.
_FOR_OTHERS = (
    "var/lib/prometheus/node-exporter/prober.prom",
    "etc/kubernetes/node-feature-discovery/features.d/prober",
)

#: What dpkg, apt and whoever makes users write of their own accord.
_ACCOUNTS = re.compile(
    r"(var/(lib|cache)/(dpkg|apt|ldconfig)|var/log|tmp|run/lock)(/|$)|etc/(passwd|group|g?shadow|sub[ug]id)"
)

_SERVE = """
cd /tmp
prober serve --quiet --config /dev/null --socket s --cache cache --prover-socket '' --fallback-replies bundled &
for turn in $(seq 600); do [ -S /tmp/s ] && break; sleep 0.1; done
prober supports --socket /tmp/s --binary qemu-7.2.22 e1000
"""


class Trial:
    """One release: ``root`` is where it is tried, ``packages`` the directory with ``old.deb`` and ``new.deb``."""

    def __init__(self, release: str) -> None:
        self.release = release
        self.root = PLACE / release / "trial"
        self.packages = PLACE / release / "packages"
        self.before: set[str] = set()

    def run(self, *words: str, network: bool = False) -> str:
        """A command in the root; what it prints."""
        return inside(self.root, *words, network=network, binds={self.packages: "/build"})

    def has(self, name: str) -> bool:
        """Whether there is a file, a directory or a link of this path."""
        return os.path.lexists(self.root / name)

    def below(self) -> set[str]:
        """All paths, but for those that change with every package."""
        found = {str(path.relative_to(self.root)) for path in self.root.rglob("*")}
        return {name for name in found if not _ACCOUNTS.match(name)}

    def users(self) -> set[str]:
        """Those that prober's services run as, as far as they are there."""
        lines = [line for name in ("passwd", "group") for line in (self.root / "etc" / name).read_text().splitlines()]
        return {line.partition(":")[0] for line in lines if line.startswith("prober")}

    def lay_out(self) -> str:
        """A bare root, with what the package depends on and recommends, and both packages."""
        fresh = make_root(self.release, "fresh", packages="ca-certificates")
        for place in (self.root, self.packages):
            shutil.rmtree(place, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", fresh, self.root], check=True)
        self.packages.mkdir()
        shutil.copy(package_of(self.release), self.packages / "new.deb")
        _make_old(self.packages)
        depends = _field(self.packages / "new.deb", "Depends")
        old = ["-o", "Acquire::Check-Valid-Until=false", "-q"]
        self.run("apt-get", *old, "update", network=True)
        words = ["apt-get", *old, "satisfy", "--yes", "--no-install-recommends", f"{depends}, {_RECOMMENDED}"]
        self.run(*words, network=True)
        self.before = self.below()
        assert not self.users()
        return f"{len(self.before)} paths"

    def install(self) -> str:
        """Without network; then it is tried."""
        self.run("dpkg", "-i", "/build/old.deb")
        assert self.users() == {"prober", "prober-prover"}
        assert {path.name for path in (self.root / _WANTS).iterdir() if path.name.startswith("prober")} == {
            "prober.socket",
            "prober-prover.socket",
        }
        assert not self.has("etc/systemd/system/multi-user.target.wants/prober-agent.service")
        (place,) = self.root.glob("usr/lib/prober/lib/python3.*/site-packages/prober")
        assert len(list(place.rglob("*.pyc"))) == len(list(place.rglob("*.py"))) > 200
        assert self.run("stat", "-c", "%U:%G %a", "/run/prober") == "prober:prober 755\n"
        return self.use()

    def use(self) -> str:
        """What a new user would do."""
        assert self.run("prober", "--version") == f"prober {prober.__version__}\n"
        assert "e1000: present" in self.run("prober", "explain", "--replies", "qemu-7.2", "e1000")
        self.run("prober", "config", "--check")
        as_user = ["setpriv", "--reuid", "prober", "--regid", "prober", "--init-groups", "--no-new-privs"]
        assert "e1000: present" in self.run(*as_user, "sh", "-c", _SERVE)
        return "explained, checked, served"

    def upgrade(self) -> str:
        """What was told, learned and switched off stays; what the new version has no more goes."""
        with (self.root / _SETTINGS).open("a") as file:
            file.write("\n[catalog.limits]\n")
        told = (self.root / _SETTINGS).read_text()
        self.run("install", "-d", "-o", "prober", "-g", "prober", "-m", "0750", f"/{_CACHE}")
        (self.root / _CACHE / "kept").write_text("learned")
        self.run("systemctl", "--root=/", "disable", "prober-prover.socket")
        self.run("systemctl", "--root=/", "enable", "prober-agent.service")
        assert list(self.root.glob(f"usr/lib/prober/**/{_GONE}*"))
        self.run("dpkg", "--force-confdef", "--force-confold", "-i", "/build/new.deb")
        assert self.run("dpkg-query", "-f", "${Version}", "-W", NAME) == _field(self.packages / "new.deb", "Version")
        assert (self.root / _SETTINGS).read_text() == told
        assert (self.root / _CACHE / "kept").read_text() == "learned"
        assert self.run("stat", "-c", "%U:%G %a", f"/{_CACHE}") == "prober:prober 750\n"
        assert (self.has(f"{_WANTS}/prober.socket"), self.has(f"{_WANTS}/prober-prover.socket")) == (True, False)
        assert self.has("etc/systemd/system/multi-user.target.wants/prober-agent.service")
        stem = _GONE.removesuffix(".py")
        assert not [path for path in (self.root / "usr/lib/prober").rglob("*") if path.name.startswith(stem)]
        return self.use()

    def remove(self) -> str:
        """The program goes, with all that was compiled, and what it wrote for others, who would believe it for ever.
        What was told and learned stays."""
        for name in _FOR_OTHERS:
            file = self.root / name
            file.parent.mkdir(parents=True)
            file.write_text("")
        self.run("dpkg", "-r", NAME)
        assert [name for name in _FOR_OTHERS if self.has(name)] == []
        for name in _FOR_OTHERS:
            os.removedirs((self.root / name).parent)
        left = [name for name in self.below() - self.before if name.startswith(("usr/", "lib/"))]
        assert left == [], left
        assert self.has(_SETTINGS) and self.has(f"{_CACHE}/kept")
        return "settings and cache are there"

    def purge(self) -> str:
        """All is as it was."""
        self.run("dpkg", "-P", NAME)
        assert self.below() == self.before, self.below() ^ self.before
        assert not self.users()
        return "nothing is left"

    def purge_at_once(self) -> str:
        """Installed as the first version, and purged without having been removed before."""
        self.run("dpkg", "-i", "/build/new.deb")
        self.run("dpkg", "-P", NAME)
        assert self.below() == self.before, self.below() ^ self.before
        assert not self.users()
        return "nothing is left"


def _field(package: Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "-f", package, name], capture_output=True, text=True, check=True).stdout.strip()


def _make_old(packages: Path) -> None:
    """``old.deb`` of ``new.deb``."""
    tree = packages / "tree"
    subprocess.run(["dpkg-deb", "-R", packages / "new.deb", tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {_OLD_VERSION}", control.read_text(), flags=re.MULTILINE))
    (place,) = tree.glob("usr/lib/prober/lib/python3.*/site-packages/prober")
    (place / _GONE).write_text("")
    settings = tree / _SETTINGS
    settings.write_text("# As it was then.\n" + settings.read_text())
    words = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", str(tree), str(packages / "old.deb")]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)


def try_release(release: str) -> bool:
    """Take all steps, until one fails; whether none did."""
    trial = Trial(release)
    steps: tuple[Callable[[], str], ...] = (
        trial.lay_out, trial.install, trial.upgrade, trial.remove, trial.purge, trial.purge_at_once
    )  # fmt: skip
    for step in steps:
        began, ok = time.monotonic(), True
        try:
            said = step()
        except (AssertionError, SystemExit, ValueError, OSError, subprocess.CalledProcessError):
            ok, said = False, traceback.format_exc(limit=-1)
        seconds = time.monotonic() - began
        print(f"{'ok     ' if ok else 'FAILED '}  {seconds:7.1f}  {release:<8}  {step.__name__}: {said}", flush=True)
        if not ok:
            return False
    shutil.rmtree(trial.root)
    return True


def main() -> int:
    """Try the release that is named, or all."""
    parser = argparse.ArgumentParser(prog="tools.deb_trial", description="Try the Debian package.")
    parser.add_argument("release", nargs="*", help=f"{' or '.join(RELEASES)}; without it, both")
    told = parser.parse_args()
    if unknown := set(told.release) - RELEASES.keys():
        parser.error(f"there is no package for {', '.join(sorted(unknown))}: RELEASE is {' or '.join(RELEASES)}")
    require_tools()
    releases = told.release or list(RELEASES)
    for release in releases:
        if not package_of(release).exists():
            sys.exit(f"there is no {package_of(release)}: make deb RELEASE={release}")
    print("outcome  seconds  release   step")
    outcomes = [try_release(release) for release in releases]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
