"""What the tests need of the distribution, as ``tests/needs.toml`` lists it: see what is there, install what is not.

``make deps`` runs this, and so does ``make test`` as root.  The environment may not be made yet then, so it is the
distribution's Python that runs it, and the standard library is all that it may use.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent.parent / "tests" / "needs.toml"


@dataclass(frozen=True)
class Need:
    """One package: ``purpose`` says which tests need it, ``commands`` are what is looked for.

    Of one that apt only has to know (``known``), nothing is installed: the tests take a file out of it.
    """

    package: str
    purpose: str
    commands: tuple[str, ...] = ()
    known: bool = False

    def is_there(self) -> bool:
        """Whether all of its commands are found, or, where nothing is installed of it, whether apt knows it."""
        return _apt_knows(self.package) if self.known else all(map(shutil.which, self.commands))


def read_needs(text: str) -> dict[str, Need]:
    """All that a file of this form lists, by name.

    :raise KeyError: where a table lacks a key.
    :raise ValueError: where one has a key that is not understood, or nothing by which it is seen to be there.
    """
    found = {}
    for name, table in tomllib.loads(text).items():
        if not table.keys() <= {"package", "for", "commands", "known"} or ("commands" in table) == ("known" in table):
            raise ValueError(f"{name}: package, for, and either commands or known, but there is {', '.join(table)}")
        commands = tuple(table.get("commands", ()))
        found[name] = Need(table["package"], table["for"], commands, table.get("known", False))
    return found


@cache
def needs() -> Mapping[str, Need]:
    """What the project's own file lists."""
    return read_needs(FILE.read_text())


@cache
def _apt_knows(package: str) -> bool:
    if shutil.which("apt-cache") is None:
        return False
    # Of a package that only others mention it prints nothing, and ends with 0 all the same.
    shown = subprocess.run(["apt-cache", "show", package], capture_output=True, text=True, check=False)
    return shown.returncode == 0 and "Package:" in shown.stdout


def find_missing(wanted: Iterable[Need]) -> list[Need]:
    """Those that are not there."""
    return [need for need in wanted if not need.is_there()]


def install(missing: Iterable[Need]) -> None:
    """Say what is missing, then install it with Debian's apt, as root or by sudo.

    :raise SystemExit: where there is no apt, where we are not root and there is no sudo, or where apt fails.
    """
    print("The tests need this of the distribution, and it is not there:")
    for need in missing:
        print(f"  {need.package:<18} {need.purpose}{' (a file of it, none is installed)' if need.known else ''}")
    sys.stdout.flush()  # before what is said on standard error
    if shutil.which("apt-get") is None:
        sys.exit("Here is no apt-get, which would install it.")
    as_root: list[str] = []
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            sys.exit("Only root can install it, and there is no sudo: run the same as root.")
        as_root = ["sudo"]
    # The package lists of a fresh machine are empty.
    _run([*as_root, "apt-get", "--quiet", "update"])
    packages = [need.package for need in missing if not need.known]
    if packages:
        # Not by the environment of this process, which sudo would drop.
        quietly = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes", "--no-install-recommends"]
        _run([*as_root, *quietly, "install", *packages])
    _apt_knows.cache_clear()
    if left := find_missing(missing):
        sys.exit(f"still missing: {' '.join(need.package for need in left)}")


def _run(command: list[str]) -> None:
    print(f"+ {shlex.join(command)}", flush=True)
    ended = subprocess.run(command, check=False)
    if ended.returncode:
        sys.exit(f"{shlex.join(command)} ended with {ended.returncode}")


def main() -> None:
    """Install what is missing of all, or of those that are named."""
    parser = argparse.ArgumentParser(prog="tools.needs", description="Install what the tests need of the distribution.")
    parser.add_argument("name", nargs="*", help=f"what alone to install: {', '.join(needs())}")
    parser.add_argument("--if-root", action="store_true", help="install only as root, and where there is apt")
    told = parser.parse_args()
    if unknown := set(told.name) - needs().keys():
        parser.error(f"not in {FILE.name}: {', '.join(sorted(unknown))}")
    missing = find_missing(needs()[name] for name in told.name or needs())
    if told.if_root and (os.geteuid() != 0 or shutil.which("apt-get") is None):
        return
    if missing:
        install(missing)
    elif not told.if_root:
        named = " ".join(needs()[name].package for name in told.name)
        print(f"{named or 'What the tests need of the distribution'} is there.")


if __name__ == "__main__":
    main()
