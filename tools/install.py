"""Install prober on this host, or into the tree of a package: ``make install`` and ``make uninstall``.

What is laid down, below ``DESTDIR``:

    PREFIX/bin/prober               the command
    PREFIX/lib/prober               a virtual environment of its own: prober and what it needs, as locked
    UNITS/systemd, sysusers.d, tmpfiles.d     what systemd reads; UNITS is PREFIX/lib where systemd looks there
    SYSCONFDIR/prober/prober.toml   the configuration; one that is there is kept
    PREFIX/share/doc/qemu-prober    the documents, and what watches prober
    PREFIX/share/man                the manual pages, made of the command's own help
    PREFIX/share/bash-completion, zsh    completion for these shells

Nothing is fetched: what prober needs is taken from the checkout's own environment, which was made by the lock with its
hashes.  ``PREFIX/lib/prober/manifest.json`` has each path that was laid down; removing goes by it and takes no more.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from tools.man_pages import render_pages

CHECKOUT = Path(__file__).parent.parent
NAME = "qemu-prober"

#: What the wheel is made of.
_SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "prober", "fixtures")
_DOCUMENTS = ("README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "docs", "packaging/monitoring", "packaging/nats")

#: Where a shell looks for completion, below PREFIX/share, and what goes there.
COMPLETIONS = {"bash-completion/completions/prober": "prober.bash", "zsh/vendor-completions/_prober": "prober.zsh"}

#: Below these systemd looks for units, sysusers.d and tmpfiles.d by itself (systemd.unit(5)).
_SYSTEMD = ("/usr", "/usr/local")

_COMMAND = """#!{library}/bin/python3 -I
from prober.cli.start import start

if __name__ == "__main__":
    start()
"""

_NEXT = """then, as root:
  systemd-sysusers && systemd-tmpfiles --create
  systemctl daemon-reload
  systemctl enable --now prober.socket prober-prover.socket"""


class Tree:
    """What is laid down below ``destdir``, kept account of: ``files`` by path with a digest (of a link, its target),
    ``directories`` that were made for them, ``settings`` that belong to who administers the host."""

    def __init__(self, destdir: Path, before: Tree | None = None) -> None:
        self.destdir = destdir
        self.files: dict[str, str] = {}
        self.directories: list[str] = [] if before is None else [*before.directories]
        self.settings: list[str] = []

    def path(self, name: str) -> Path:
        """The place of a path of the host in this tree."""
        return self.destdir / name.lstrip("/")

    def put(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """A file, whole or not at all."""
        path = self._room(name)
        digest = sha256(data).hexdigest()
        if _digest(path) != digest:
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".prober-", delete=False) as file:
                file.write(data)
            Path(file.name).replace(path)
        path.chmod(mode)
        self.files[name] = digest

    def link(self, name: str, target: str) -> None:
        """A symbolic link."""
        path = self._room(name)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        self.files[name] = _digest(path)

    def settle(self, name: str, data: bytes, before: Tree | None) -> bool:
        """A file of settings; False where there is one that was changed here, or is none of ours, and is kept."""
        path = self.path(name)
        ours = None if before is None else before.files.get(name)
        if path.exists() and _digest(path) != ours:
            if ours is not None:
                self.files[name] = ours  # so that it is seen to be changed when all is removed
                self.settings.append(name)
            return False
        self.put(name, data)
        self.settings.append(name)
        return True

    def note(self, name: str) -> None:
        """Take account of a file that somebody else made."""
        self.files[name] = _digest(self.path(name))

    def _room(self, name: str) -> Path:
        missing: list[str] = []
        above = PurePosixPath(name).parent
        self.destdir.mkdir(parents=True, exist_ok=True)
        while not self.path(str(above)).is_dir():
            missing.append(str(above))
            above = above.parent
        for one in reversed(missing):
            self.path(one).mkdir()
            self.path(one).chmod(0o755)
            self.directories.append(one)
        return self.path(name)

    def write(self, manifest: str) -> None:
        """The account itself, which is not in it."""
        value = {"files": self.files, "directories": self.directories, "settings": self.settings}
        self.put(manifest, json.dumps(value, indent=1).encode() + b"\n")
        del self.files[manifest]

    @classmethod
    def load(cls, destdir: Path, manifest: str) -> Tree | None:
        """What was laid down before; None where nothing was."""
        tree = cls(destdir)
        try:
            value = json.loads(tree.path(manifest).read_text())
        except FileNotFoundError:
            return None
        tree.files, tree.directories, tree.settings = value["files"], value["directories"], value["settings"]
        return tree


class Installation:
    """One place to install to: ``prefix``, ``sysconfdir`` and ``python`` (the interpreter) are paths of the host."""

    def __init__(self, destdir: Path, prefix: str, sysconfdir: str, python: str) -> None:
        self.destdir = destdir
        self.prefix = prefix.rstrip("/")
        self.sysconfdir = sysconfdir.rstrip("/")
        self.python = python
        self.library = f"{self.prefix}/lib/prober"
        self.manifest = f"{self.library}/manifest.json"
        self.packages = f"{self.library}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
        self.documents = f"{self.prefix}/share/doc/{NAME}"
        self.systemd = f"{self.prefix if self.prefix in _SYSTEMD else '/usr/local'}/lib"

    def install(self) -> list[str]:
        """Lay all of it down, over what an earlier version laid down; what is to be told of it, in lines.

        :raise OSError: where the disk will not have it.  What is there then is known to ``make uninstall``.
        """
        before = Tree.load(self.destdir, self.manifest)
        old = {} if before is None else before.files
        tree = Tree(self.destdir, before)
        try:
            self._lay_packages(tree)
            self._lay_command(tree)
            self._lay_systemd(tree)
            self._lay_documents(tree)
            self._lay_for_the_shell(tree)
            settings = f"{self.sysconfdir}/prober/prober.toml"
            is_kept = not tree.settle(settings, (CHECKOUT / "packaging/prober.toml").read_bytes(), before)
            _remove(tree, set(old) - set(tree.files))
        finally:
            tree.files = {**{name: digest for name, digest in old.items() if _digest(tree.path(name))}, **tree.files}
            tree.write(self.manifest)
        said = [f"{len(tree.files)} files below {tree.path(self.prefix)} and {tree.path(self.sysconfdir)}"]
        return [*said, f"kept as it was: {tree.path(settings)}"] if is_kept else said

    def uninstall(self) -> list[str]:
        """Take away what was laid down, and no more; what is to be told of it, in lines."""
        tree = Tree.load(self.destdir, self.manifest)
        if tree is None:
            return [f"nothing was installed: there is no {self.destdir / self.manifest.lstrip('/')}"]
        kept = {name for name in tree.settings if _digest(tree.path(name)) not in ("", tree.files[name])}
        _remove(tree, set(tree.files) - kept)
        tree.path(self.manifest).unlink()
        for name in sorted(tree.directories, key=len, reverse=True):
            with suppress(OSError):  # somebody else has something in it
                tree.path(name).rmdir()
        told = [f"removed {len(tree.files) - len(kept)} files"]
        return told + [f"kept, as it was changed: {tree.path(name)}" for name in sorted(kept)]

    def _lay_packages(self, tree: Tree) -> None:
        """A virtual environment is no more than this: a link to the interpreter, and a file beside it (venv)."""
        tree.link(f"{self.library}/bin/python3", self.python)
        home = PurePosixPath(self.python).parent
        version = ".".join(map(str, sys.version_info[:2]))
        config = f"home = {home}\ninclude-system-site-packages = false\nversion = {version}\n"
        tree.put(f"{self.library}/pyvenv.cfg", config.encode())
        with tempfile.TemporaryDirectory() as directory, zipfile.ZipFile(build_wheel(Path(directory))) as wheel:
            for name in wheel.namelist():
                tree.put(f"{self.packages}/{name}", wheel.read(name))
        for name in sorted(needed()):
            for file in distribution(name).files or ():
                if ".." not in file.parts and "__pycache__" not in file.parts:
                    tree.put(f"{self.packages}/{file}", Path(str(file.locate())).read_bytes())
        self._compile(tree)

    def _compile(self, tree: Tree) -> None:
        """Nobody who runs it may write there."""
        place = tree.path(self.packages)
        words = [sys.executable, "-m", "compileall", "-q", "-s", str(self.destdir), "-p", "/", str(place)]
        subprocess.run(words, check=True)
        for path in place.rglob("__pycache__"):
            path.chmod(0o755)
            name = f"{self.packages}/{path.relative_to(place)}"
            if name not in tree.directories:
                tree.directories.append(name)
            for compiled in path.iterdir():
                compiled.chmod(0o644)
                tree.note(f"{name}/{compiled.name}")

    def _lay_command(self, tree: Tree) -> None:
        tree.put(f"{self.prefix}/bin/prober", _COMMAND.format(library=self.library).encode(), 0o755)

    def _lay_systemd(self, tree: Tree) -> None:
        packaging = CHECKOUT / "packaging"
        for unit in sorted((packaging / "systemd").iterdir()):
            text = unit.read_text().replace("=/usr/bin/prober ", f"={self.prefix}/bin/prober ")
            text = text.replace(f"file:/usr/share/doc/{NAME}", f"file:{self.documents}")
            text = text.replace("/etc/prober/", f"{self.sysconfdir}/prober/")
            tree.put(f"{self.systemd}/systemd/system/{unit.name}", text.encode())
        for kind in ("sysusers.d", "tmpfiles.d"):
            tree.put(f"{self.systemd}/{kind}/prober.conf", (packaging / kind / "prober.conf").read_bytes())

    def _lay_for_the_shell(self, tree: Tree) -> None:
        """Manual pages and completion."""
        for name, page in render_pages().items():
            tree.put(f"{self.prefix}/share/man/man{name.rpartition('.')[2]}/{name}", page.encode())
        for place, name in COMPLETIONS.items():
            tree.put(f"{self.prefix}/share/{place}", (CHECKOUT / "packaging/completion" / name).read_bytes())

    def _lay_documents(self, tree: Tree) -> None:
        for name in _DOCUMENTS:
            place = CHECKOUT / name
            for path in sorted(place.rglob("*")) if place.is_dir() else [place] if place.is_file() else []:
                if path.is_file():
                    below = path.relative_to(place.parent)
                    tree.put(
                        f"{self.documents}/{below.relative_to('docs') if name == 'docs' else below}", path.read_bytes()
                    )


def needed() -> set[str]:
    """The distributions that prober and its part in a fleet need on this Python, and what those need.

    By the checkout's own list: what an environment says of prober is as old as the environment.
    """
    found: set[str] = set()
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    waiting = [*project["dependencies"], *project["optional-dependencies"]["fleet"]]
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name not in found:
            found.add(requirement.name)
            waiting += distribution(requirement.name).requires or ()
    return found


def copy_sources(names: Iterable[str], target: Path) -> None:
    """Files and folders of the top of this checkout, in a directory that is made for them."""
    target.mkdir(parents=True)
    for name in names:
        place = CHECKOUT / name
        if place.is_dir():
            shutil.copytree(place, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, target)


def build_wheel(directory: Path) -> Path:
    """The wheel of this checkout, made below ``directory`` from a copy: a build leaves files in its sources."""
    sources, made = directory / "sources", directory / "wheel"
    copy_sources(_SOURCES, sources)
    program = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    words = [sys.executable, "-c", program, str(made)]
    done = subprocess.run(words, cwd=sources, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"the wheel cannot be built:\n{done.stderr}")
    return made / done.stdout.splitlines()[-1]


def find_python() -> str:
    """The interpreter that a host has prober run by: the distribution's, where it is of the environment's version.

    Compiled packages are for one minor version alone, so it is named with it.
    """
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return shutil.which(name, path="/usr/bin:/usr/local/bin") or str(Path(sys.executable).resolve())


def _remove(tree: Tree, names: set[str]) -> None:
    for name in names:
        tree.path(name).unlink(missing_ok=True)


def _digest(path: Path) -> str:
    """What a file holds, or where a link leads; empty where there is neither."""
    if path.is_symlink():
        return f"link to {path.readlink()}"
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def main() -> None:
    """Do as the words of the command line say."""
    parser = argparse.ArgumentParser(prog="tools.install")
    parser.add_argument("work", choices=["install", "uninstall"])
    parser.add_argument("--destdir", default="", help="the tree of a package; empty: this host")
    parser.add_argument("--prefix", default="/usr/local")
    parser.add_argument("--sysconfdir", default="/etc")
    parser.add_argument("--python", default="", help="the interpreter on the host")
    told = parser.parse_args()
    destdir = Path(told.destdir or "/").absolute()
    if not all(place.startswith("/") for place in (told.prefix, told.sysconfdir)):
        sys.exit("PREFIX and SYSCONFDIR begin with a slash: they are paths on the host")
    made = Installation(destdir, told.prefix, told.sysconfdir, told.python or find_python())
    try:
        said = made.install() if told.work == "install" else made.uninstall()
    except OSError as error:
        sys.exit(f"cannot {told.work}: {error.filename}: {error.strerror}")
    print("\n".join(said))
    if told.work == "install" and not told.destdir:
        print(_NEXT)


if __name__ == "__main__":
    main()
