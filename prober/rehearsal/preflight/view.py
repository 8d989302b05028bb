"""The host as one value: where its files are, and as whom they are looked at.

All looks go through it, so that a directory made for a test is a host as well.  Everything blocks, and nothing is
changed.  Reads are bounded; what is opened is opened without waiting for anybody, and never made.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

#: As many symbolic links as the kernel follows (path_resolution(7)).
_MOST_LINKS = 40

#: The longest way to a file that is walked, in parts.
_MOST_PARTS = 200

#: More than any directory of sysfs has that is listed here.
_MOST_ENTRIES = 4096

READ, WRITE, SEARCH = os.R_OK, os.W_OK, os.X_OK

_BITS = {READ: 4, WRITE: 2, SEARCH: 1}
_WORDS = {READ: "read", WRITE: "write", SEARCH: "pass through"}

#: Where the kernel keeps a list of who else may do something with a file (``linux/xattr.h``).
_ACL = "system.posix_acl_access"


@dataclass(frozen=True)
class HostUser:
    """The user that will run QEMU."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()


#: How a way to a file ends: *there*, nothing *missing* on it and all open; or what stands in the way.
WayEnd: TypeAlias = Literal["there", "missing", "closed", "unknown"]


@dataclass(frozen=True)
class Way:
    """How the way to a file ends.

    ``where`` is the part of the way that stands for the end: the file, the directory that is closed, what is not there.
    It is a path of the host that is looked at.  ``found`` is the file, where it can be looked at; ``real`` its path on
    this machine without links, ``said`` what stands in the way, ``todo`` the command that opens it.
    """

    end: WayEnd
    where: str
    real: str = ""
    found: os.stat_result | None = None
    said: str = ""
    todo: str = ""


class SeenHost:
    """One host, seen as one user.

    ``root`` is where its ``/`` is.  ``asks_kernel`` is whether this process has the rights of the ``user``, so that the
    kernel says what it may do; else that is worked out of mode and groups, and is not known where there is an ACL.
    """

    def __init__(self, user: HostUser, root: Path = Path("/"), *, asks_kernel: bool) -> None:
        self.user = user
        self.asks_kernel = asks_kernel
        self._root = "" if str(root) == "/" else str(root)

    @property
    def is_this_host(self) -> bool:
        """Whether it is the host that this process is on, whose programs may be run."""
        return not self._root

    def here(self, path: str) -> str:
        """Where a path of that host is on this machine, links not followed."""
        return self._root + path

    def read(self, path: str, most: int = 256) -> str | None:
        """The beginning of a small text, as of ``/sys``, without the blanks around it; None where it cannot be read."""
        content = b""
        try:
            fd = os.open(self.here(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except (OSError, ValueError):
            return None
        try:
            # A table of the kernel's comes in pieces.
            while len(content) < most and (part := os.read(fd, most - len(content))):
                content += part
        except OSError:
            return None
        finally:
            os.close(fd)
        return content.decode(errors="replace").strip()

    def number(self, path: str) -> int | None:
        """A whole number that stands in a file of its own."""
        text = self.read(path)
        return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 20 else None

    def names_in(self, path: str) -> list[str] | None:
        """What is in a directory, sorted; None where that cannot be told."""
        try:
            with os.scandir(self.here(path)) as entries:
                return sorted(entry.name for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False))
        except OSError:
            return None

    def last_of_link(self, path: str) -> str | None:
        """The last part of what a symbolic link names, as sysfs names a driver; None where there is no link."""
        try:
            return os.path.basename(os.readlink(self.here(path)))  # noqa: PTH115,PTH119 - a text, not a path
        except OSError:
            return None

    def is_there(self, path: str) -> bool:
        """Whether there is a file of this name, itself or a link; not, where that cannot be told."""
        return os.path.lexists(self.here(path))

    def walk(self, path: str, *wants: int) -> Way:
        """The way to a file, each directory on it open to the user, and what the user ``wants`` to do with the file.

        A link is followed below the root.
        """
        if not path.startswith("/") or path.count("/") > _MOST_PARTS or "\0" in path:
            return Way("unknown", path, said=f"{path[:200]!r} is no path that is looked at")
        return _Walk(self, path, wants).go()

    def closed(self, path: str, found: os.stat_result, wants: tuple[int, ...]) -> Way | None:
        """What stands in the way of all that the user wants of a file, if anything does."""
        for want in wants:
            may = self.may(path, found, want)
            if may is True:
                continue
            name = "directory" if stat.S_ISDIR(found.st_mode) else "file"
            whose = f"{found.st_uid}:{found.st_gid} with mode {stat.S_IMODE(found.st_mode):04o}"
            real = self.here(path)
            if may is None:
                said = f"{path} has a list of who else may use it (ACL), so whether {self.user.name} may "
                said += f"{_WORDS[want]} it is not known"
                todo = f"look as that user: prober preflight … --as {self.user.name}, as root"
                return Way("unknown", path, real, found, said, todo)
            said = f"{self.user.name} may not {_WORDS[want]} the {name} {path}, which belongs to {whose}"
            letters = "".join(letter for letter, bit in zip("rwx", (READ, WRITE, SEARCH), strict=True) if bit in wants)
            return Way("closed", path, real, found, said, f"setfacl -m u:{self.user.name}:{letters} {path}")
        return None

    def may(self, path: str, found: os.stat_result, want: int) -> bool | None:
        """Whether the user may do this with a file; None where it is not known."""
        if self.asks_kernel:
            return os.access(self.here(path), want, effective_ids=True)
        if self.user.uid == 0:
            return True if want != SEARCH or stat.S_ISDIR(found.st_mode) else bool(found.st_mode & 0o111)
        with suppress(OSError):
            if os.getxattr(self.here(path), _ACL):
                return None
        shift = 6 if found.st_uid == self.user.uid else 3 if found.st_gid in self._gids else 0
        return bool(found.st_mode >> shift & _BITS[want])

    @property
    def _gids(self) -> frozenset[int]:
        return frozenset((self.user.gid, *self.user.groups))

    @contextmanager
    def opened(self, real: str, flags: int = os.O_RDONLY) -> Iterator[int | None]:
        """A descriptor of a file on this machine, closed with the block; None where it cannot be opened."""
        try:
            fd = os.open(real, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            yield None
            return
        try:
            yield fd
        finally:
            os.close(fd)


class _Walk:
    """One walk: what is ``ahead``, and the path of the host that is ``done``, without links (empty: its root)."""

    def __init__(self, view: SeenHost, path: str, wants: tuple[int, ...]) -> None:
        self._view = view
        self._path = path
        self._wants = wants
        self._ahead = [part for part in path.split("/") if part not in ("", ".")]
        self._done = ""
        self._links = 0
        #: A directory of which it is not known whether it is open.
        self._blurred: Way | None = None

    def go(self) -> Way:
        """Go until the end."""
        while True:
            end = self._look()
            if end is not None:
                return end
            part = self._ahead.pop(0)
            done = os.path.dirname(self._done) if part == ".." else f"{self._done}/{part}"  # noqa: PTH120 - a text
            self._done = "" if done == "/" else done

    def _look(self) -> Way | None:
        """How the walk ends where it is; None where it goes on."""
        here = self._done or "/"
        try:
            found = os.lstat(self._view.here(here))
            if stat.S_ISLNK(found.st_mode):
                return self._follow(os.readlink(self._view.here(here)))  # noqa: PTH115 - below the root of that host
        except (FileNotFoundError, NotADirectoryError):
            return Way("missing", here, said=f"there is no {here}")
        except OSError as error:
            return self._blurred or Way("unknown", here, said=f"{here} may not be looked at: {error.strerror}")
        if not self._ahead:
            closed = self._view.closed(here, found, self._wants)
            if closed is None or closed.end == "unknown":
                closed = self._blurred or closed
            return closed or Way("there", here, self._view.here(here), found)
        if not stat.S_ISDIR(found.st_mode):
            return Way("missing", here, said=f"{here} is no directory, and {self._path} would be below it")
        closed = self._view.closed(here, found, (SEARCH,))
        if closed is not None and closed.end == "closed":
            return closed
        self._blurred = self._blurred or closed
        return None

    def _follow(self, to: str) -> Way | None:
        self._links += 1
        parts = [part for part in to.split("/") if part not in ("", ".")]
        if self._links > _MOST_LINKS or len(parts) + len(self._ahead) > _MOST_PARTS or not to:
            return Way("missing", self._done, said=f"{self._path} leads nowhere: {self._done} is a link without an end")
        self._done = "" if to.startswith("/") else os.path.dirname(self._done)  # noqa: PTH120 - a text
        self._done = "" if self._done == "/" else self._done
        self._ahead = [*parts, *self._ahead]
        return None if self._ahead else self._look()
