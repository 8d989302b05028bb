"""What a box shows of the host: few directories, read-only, and the symbolic links that lead there.

Only ``/usr``, the libraries, ``/etc/qemu`` and the binary's own tree.  The rest of ``/etc`` that is shown is what the
loader reads (``ld.so.cache``) and what links in ``/usr`` go through (``alternatives``).  ``/run/qemu`` holds modules of
the version before over an upgrade (QEMU, ``util/module.c``, CONFIG_MODULE_UPGRADES).
"""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from prober.errors import LaunchError
from prober.qemu.scripts import find_programs, interpreter_of

#: Where programs and libraries are besides /usr: symbolic links on a merged system, directories on an older one.
_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_CONFIGURATION = ("etc/qemu", "etc/ld.so.cache", "etc/alternatives", "run/qemu")

#: Below these every package has a tree of its own, and its libraries are in the trees of others.
_STORES = ("/nix/store", "/gnu/store")

_PROGRAM_DIRECTORIES = ("bin", "sbin", "libexec")
_MOST_LINKS = 40

#: What is shown of a tree that holds more than a QEMU: a home, or a directory as high as /opt.
_PARTS = ("lib/qemu", "lib64/qemu", "share/qemu", "share/qemu-firmware")


@dataclass(frozen=True)
class Seen:
    """One place in a box: ``path`` there is ``source`` of the host, or a symbolic link to the text ``link``."""

    path: str
    source: str
    link: str | None = None


@dataclass(frozen=True)
class View:
    """All that a box shows of the host.

    ``binary`` is the path in the box by which the binary is started, ``real`` the file behind it.
    """

    binary: str
    real: str
    seen: tuple[Seen, ...]

    def source_of(self, path: str) -> str | None:
        """The host's path for a path in the box; None for what is no file of the host's."""
        shown = (one for one in self.seen if one.link is None and _is_below(path, one.path))
        best = max(shown, key=_length, default=None)
        return None if best is None else best.source + path[len(best.path) :]


def look_at(binary: str, root: Path | None = None) -> View:
    """What a box for this binary shows, as the host is now.  ``root`` has another system's tree instead of the host's.

    Reads a few dozen directory entries: for a thread, or where blocking for a tenth of a millisecond is no matter.

    :raise LaunchError: where there is no such binary.
    """
    if "\0" in binary:
        raise LaunchError("cannot start a binary whose path has a NUL in it")
    walk = _Walk("" if root is None else str(root.resolve()))
    for name in _TOP:
        walk.show_top(f"/{name}")
    walk.show("/usr")
    for name in _CONFIGURATION:
        walk.show(f"/{name}")
    named = os.path.normpath(f"/{binary.lstrip('/')}" if "/" in binary else f"/usr/bin/{binary}")
    real = walk.follow(named)
    if real is None:
        raise LaunchError(
            f"cannot start {binary}: No such file or directory", hint="is QEMU installed, and the path right?"
        )
    walk.show_tree_of(real)
    for program in (*filter(None, [interpreter_of(walk.root + real)]), *find_programs(walk.root + real)):
        found = walk.follow(program.removeprefix(walk.root))
        if found is not None and Path(walk.root + found).is_file() and os.access(walk.root + found, os.X_OK):
            walk.show_tree_of(found)
    return View(named, real, tuple(sorted(walk.seen.values(), key=_length)))


class _Walk:
    """Gathers what is seen, below ``root`` (empty for the host's own)."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.seen: dict[str, Seen] = {}

    def show_top(self, path: str) -> None:
        """A directory at the top, as the link that it may be."""
        source = Path(self.root + path)
        if source.is_symlink():
            self.seen[path] = Seen(path, str(source), str(source.readlink()))
        elif source.is_dir():
            self.seen[path] = Seen(path, str(source))

    def show(self, path: str) -> None:
        """A file or directory with all that is below it, where there is one and it is not seen yet."""
        if not self.is_seen(path) and (real := self.follow(path)) is not None and not self.is_seen(real):
            self.seen[real] = Seen(real, self.root + real)

    def is_seen(self, path: str) -> bool:
        return any(one.link is None and _is_below(path, one.path) for one in self.seen.values())

    def follow(self, path: str) -> str | None:
        """The real path of a file, inside of the root; links on the way that are not seen yet are shown as links."""
        parts, real, links = list(reversed(PurePosixPath(path).parts[1:])), "", 0
        while parts:
            part = parts.pop()
            if part == "..":
                real = real.rpartition("/")[0]
                continue
            step = f"{real}/{part}"
            try:
                target = str(Path(self.root + step).readlink())
            except OSError:
                real = step
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            if not self.is_seen(step):
                self.seen.setdefault(step, Seen(step, self.root + step, target))
            if target.startswith("/"):
                real = ""
            parts += reversed([one for one in PurePosixPath(target).parts if one != "/"])
        return real if os.path.lexists(self.root + real) else None

    def show_tree_of(self, program: str) -> None:
        """The tree that a program belongs to: its prefix, or what of a large one belongs to it."""
        if self.is_seen(program):
            return
        for store in _STORES:
            if _is_below(program, store):
                self.show(store)
                return
        directory = PurePosixPath(program).parent
        is_built = Path(f"{self.root}{directory}/qemu-bundle").is_dir()
        # A build that is not installed links its firmware from the tree of the sources, which its directory is in.
        tree = str(directory.parent if is_built or directory.name in _PROGRAM_DIRECTORIES else directory)
        if not _is_private(tree, self.root):
            self.show(tree)
            return
        self.show(program)
        for part in _PARTS:
            self.show(f"{tree.rstrip('/')}/{part}")


def _is_private(tree: str, root: str) -> bool:
    """Whether a tree holds more than a program: the home of a user, or a directory at the top."""
    return tree.count("/") < 2 or bool({tree, root + tree} & _homes())


@cache
def _homes() -> frozenset[str]:
    homes: set[str] = set()
    with suppress(OSError):
        for user in pwd.getpwall():
            homes |= {user.pw_dir, os.path.realpath(user.pw_dir)}
    return frozenset(homes)


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _length(seen: Seen) -> int:
    return len(seen.path)
