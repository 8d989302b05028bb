"""The Debian package, one for each release: ``make deb RELEASE=bookworm``.

A root directory of the release is laid out once (``build/deb/RELEASE/root``).  Its pip fetches the wheels that
``requirements.lock`` names for its Python, by their hashes; then the package is built in there, without network, by
debhelper (``packaging/debian``), and looked at by lintian.  It comes to lie in ``dist``.  Needs root, mmdebstrap and
bubblewrap.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import prober
from tools.install import CHECKOUT, NAME, copy_sources

PLACE = CHECKOUT / "build" / "deb"
PRODUCTS = CHECKOUT / "dist"

#: The releases that there is a package for, and Debian's number of each.
RELEASES = {"bookworm": 12, "trixie": 13}

#: What the package is made of, beside debian/.
_SOURCES = (
    *("pyproject.toml", "setup.py", "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md"),
    *("docs", "fixtures", "packaging", "prober", "tools"),
)
_BUILD = "build-essential,debhelper,lintian,python3,python3-venv"
#: What `make install` itself runs on.
_TOOLS = ("packaging", "setuptools")
_OLD = '--aptopt=Acquire::Check-Valid-Until "false"'
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PROJECT = "qemu-prober (pyproject.toml)"
_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_CERT": str(_CERTIFICATES),
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}
#: What else of the environment tells where packages are to be had.
_OURS = ("PIP_INDEX_URL", "http_proxy", "https_proxy")


def version_of(release: str) -> str:
    """The package's version: that of a later release is higher."""
    return f"{prober.__version__}+deb{RELEASES[release]}"


def package_of(release: str) -> Path:
    """Where the package comes to lie."""
    architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout
    return PRODUCTS / f"{NAME}_{version_of(release)}_{architecture.strip()}.deb"


def select(lock: str, wanted: set[str]) -> str:
    """The part of a lock, as ``uv pip compile`` writes it, that these distributions and what they need are in.

    Who needs an entry stands in its comment (``# via``); marks and hashes are as they were.
    """
    entries: dict[str, tuple[str, set[str]]] = {}
    for entry in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        if name := re.match(r"[A-Za-z0-9._-]+", entry):
            via = re.findall(r"^ +#(?: via)?[ ]+(?!via$)(\S.*)$", entry, re.MULTILINE)
            entries[canonicalize_name(name[0])] = entry, {canonicalize_name(one) for one in via if one != _PROJECT}
    chosen: set[str] = {canonicalize_name(name) for name in wanted}
    if missing := chosen - entries.keys():
        raise KeyError(f"the lock does not name {', '.join(sorted(missing))}")
    while more := {name for name, (_, via) in entries.items() if via & chosen} - chosen:
        chosen |= more
    return "".join(entries[name][0] for name in sorted(chosen))


def requirements() -> str:
    """What the package is made with and what is in it, of the lock."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    named = {Requirement(one).name for one in (*project["dependencies"], *project["optional-dependencies"]["fleet"])}
    return select((CHECKOUT / "requirements.lock").read_text(), named | {*_TOOLS})


def make_root(release: str, name: str, *, packages: str) -> Path:
    """A root directory of this release with these packages, whole or not at all; one that is there is kept."""
    root = PLACE / release / name
    if root.is_dir():
        return root
    partial = root.with_name(f"{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    print(f"making {root} from Debian {release}", flush=True)
    words = ["mmdebstrap", "--quiet", "--variant=minbase", _OLD, f"--include={packages}", release, str(partial)]
    subprocess.run(words, check=True)
    partial.rename(root)
    return root


def inside(root: Path, *words: str, network: bool = False, binds: dict[Path, str] | None = None) -> str:
    """Run a command in a root directory, as root of it and in /build, and give what it prints, of both kinds.

    ``binds`` are directories of the host by where they are in there.  Nothing that it starts outlives it.

    :raise SystemExit: where it fails, with what it printed.
    """
    box = ["bwrap", "--unshare-pid", "--die-with-parent", "--cap-add", "ALL", "--bind", str(root), "/"]
    box += ["--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp", "--tmpfs", "/build"]
    for place, where in (binds or {}).items():
        box += ["--bind", str(place), where]
    if network:
        for file in (Path("/etc/resolv.conf"), _CERTIFICATES):
            if file.exists():
                box += ["--ro-bind", str(file.resolve()), str(file)]
    else:
        box += ["--unshare-net"]
    environment = _ENVIRONMENT | {name: os.environ[name] for name in _OURS if name in os.environ}
    done = subprocess.run(
        [*box, "--chdir", "/build", *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def fetch_wheels(release: str, root: Path) -> Path:
    """A directory of all wheels that the root's Python takes of :func:`requirements`; they are fetched once."""
    wanted = requirements()
    wheels = PLACE / release / "wheels"
    told = wheels / "requirements.txt"
    if told.is_file() and told.read_text() == wanted:
        return wheels
    shutil.rmtree(wheels, ignore_errors=True)
    wheels.mkdir(parents=True)
    partial = wheels / "requirements.partial"
    partial.write_text(wanted)
    print("fetching the wheels that the lock names", flush=True)
    fetch = "python3 -m venv /tmp/venv && exec /tmp/venv/bin/pip download --quiet --no-deps --only-binary :all: "
    fetch += "--require-hashes --dest /build -r /build/requirements.partial"
    inside(root, "sh", "-c", fetch, network=True, binds={wheels: "/build"})
    partial.rename(told)
    return wheels


def lay_sources(release: str, wheels: Path) -> Path:
    """A tree as dpkg-buildpackage takes it, made anew."""
    tree = PLACE / release / "work" / NAME
    shutil.rmtree(tree.parent, ignore_errors=True)
    copy_sources(_SOURCES, tree)
    shutil.move(tree / "packaging/debian", tree / "debian")
    shutil.copytree(wheels, tree / "wheels")
    shutil.move(tree / "wheels/requirements.txt", tree)
    (tree / "debian/changelog").write_text(changelog(release, (tree / "debian/control").read_text()))
    return tree


def changelog(release: str, control: str) -> str:
    """Debian's, of this one version, with the date of the last commit; what changed stands in CHANGELOG.md."""
    (maintainer,) = re.findall(r"^Maintainer: (.*)$", control, re.MULTILINE)
    date = subprocess.run(
        ["git", "-C", CHECKOUT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False
    )
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or date.stdout or (CHECKOUT / "CHANGELOG.md").stat().st_mtime)
    head = f"{NAME} ({version_of(release)}) {release}; urgency=medium"
    return (
        f"{head}\n\n  * Version {prober.__version__} for Debian {release}.\n\n -- {maintainer}  {formatdate(seconds)}\n"
    )


def build(release: str) -> Path:
    """Build the package, and have lintian look at it.

    :raise SystemExit: where something fails, or lintian finds an error; the package is not put into its place then.
    """
    root = make_root(release, "root", packages=_BUILD)
    tree = lay_sources(release, fetch_wheels(release, root))
    print(f"building {package_of(release).name}", flush=True)
    binds = {tree.parent: "/build"}
    said = inside(root, "sh", "-c", f"cd {NAME} && exec dpkg-buildpackage -b -us -uc", binds=binds)
    (tree.parent / "build.log").write_text(said)
    lint = f"exec lintian --allow-root --fail-on error --tag-display-limit 0 {NAME}_*.changes"
    # What is overridden, and why, stands in packaging/debian/qemu-prober.lintian-overrides.
    print(inside(root, "sh", "-c", lint, binds=binds).strip() or "lintian finds nothing")
    PRODUCTS.mkdir(exist_ok=True)
    (made,) = tree.parent.glob("*.deb")
    package = package_of(release)
    shutil.copy(made, package)
    shutil.rmtree(tree)
    data = package.read_bytes()
    print(f"{package.relative_to(CHECKOUT)}: {len(data):,} bytes, sha256 {sha256(data).hexdigest()}")
    return package


def require_tools() -> None:
    """End where something is not here that all of this takes."""
    if os.geteuid() != 0:
        sys.exit("only root can lay out root directories")
    if missing := [name for name in ("mmdebstrap", "bwrap", "dpkg") if shutil.which(name) is None]:
        sys.exit(f"not installed: {' '.join(missing)} (apt-get install mmdebstrap bubblewrap)")


def main() -> None:
    """Build for the release that is named, or for all."""
    parser = argparse.ArgumentParser(prog="tools.deb", description="Build the Debian package.")
    parser.add_argument(
        "release", nargs="*", choices=[[], *RELEASES], help=f"{' or '.join(RELEASES)}; without it, both"
    )
    told = parser.parse_args()
    require_tools()
    for release in told.release or RELEASES:
        build(release)


if __name__ == "__main__":
    main()
