"""Whether a directory is ours alone: what is kept in it is believed later, so nobody else may put anything there.

Whoever may write to a directory, or to one above it, may put another in its place.  Above it a sticky directory
(``/tmp``) will do where the next one is ours or root's, as others may not rename that (inode(7)).  Access control lists
are seen too: what they give at most stands in the bits of the group (acl(5)).
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from prober.errors import ServiceError

_BY_GROUP, _BY_OTHERS = stat.S_IWGRP, stat.S_IWOTH
#: As many as the kernel follows (path_resolution(7)).
_MOST_LINKS = 40


def require_private(directory: Path) -> None:
    """Accept a directory that belongs to us and to which nobody else can write; root always can.

    A symbolic link is followed where it is ours or root's (systemd makes one for a ``DynamicUser=``).  Who owns a
    directory above it is trusted.  Above it, a group that is our user's own and has no other member is nobody else.
    Blocks.

    :raise ServiceError: where it is not so; the message says which directory and why, the hint what would help.
    :raise OSError: where it is not there or may not be looked at.
    """
    _require_way(directory)
    found = directory.stat()
    name = shlex.quote(str(directory))
    if not stat.S_ISDIR(found.st_mode):
        raise _refused(directory, "it is no directory", "name another one, or remove what is there")
    if found.st_uid != os.geteuid():
        said = f"it belongs to {_user(found.st_uid)}, and prober runs as {_user(os.geteuid())}"
        raise _refused(directory, said, f"run: chown -R {_user(os.geteuid())} {name}")
    if found.st_mode & (_BY_GROUP | _BY_OTHERS):
        raise _refused(directory, f"{_who(found)} can write to it", f"run: chmod go-w {name}")


def _require_way(directory: Path) -> None:
    """All that is above it, by every link on the way; ``place`` never has one in it."""
    left, place, links = list(reversed(directory.absolute().parts[1:])), Path("/"), 0
    while left:
        part = left.pop()
        if part == "..":
            place = place.parent
            continue
        above, step = place.lstat(), place / part
        found = step.lstat()
        if not _is_held(above, found):
            said = f"{_who(above)} can write to {place} above it, and so put another in its place"
            raise _refused(directory, said, f"run: chmod go-w {shlex.quote(str(place))}, or name another one")
        if not stat.S_ISLNK(found.st_mode):
            place = step
            continue
        links += 1
        if found.st_uid not in (0, os.geteuid()) or links > _MOST_LINKS:
            said = f"{step} is a link that belongs to {_user(found.st_uid)}"
            raise _refused(directory, said, "name the directory itself")
        target = step.readlink()
        place = Path("/") if target.is_absolute() else place
        left += [part for part in reversed(target.parts) if part != "/"]


def _is_held(above: os.stat_result, one: os.stat_result) -> bool:
    """Whether nobody but root, us and who owns the directory above can put another in the place of this one."""
    if not _writers(above):
        return True
    return bool(above.st_mode & stat.S_ISVTX) and one.st_uid in (0, os.geteuid())


def _writers(found: os.stat_result) -> int:
    """The bits by which somebody else can write to a directory above."""
    bits = found.st_mode & (_BY_GROUP | _BY_OTHERS)
    return bits & ~_BY_GROUP if _is_our_own_group(found.st_gid) else bits


def _is_our_own_group(gid: int) -> bool:
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _who(found: os.stat_result) -> str:
    return "everybody" if found.st_mode & _BY_OTHERS else f"the group {_group(found.st_gid)}"


def _refused(directory: Path, why: str, hint: str) -> ServiceError:
    return ServiceError(f"the cache directory {directory} is not used: {why}", hint=hint)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
