"""The cache, the groups and the rights of the socket: what the service's own files and users are like."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from prober.capabilities.cache import entry_fault
from prober.capabilities.private import require_private
from prober.errors import ServiceError
from prober.service.doctor.observed import Observation, group_name, listed, observe, user_name
from prober.service.settings import ServiceSettings

#: A cache of fewer bytes than this has no room for the answers of some binaries.
_LEAST_FREE = 16 << 20
#: No host has more binaries; entries beyond are not read.
_MOST_ENTRIES = 200
#: So many members of a group are named.
_MOST_MEMBERS = 10


def look_at_cache(directory: Path | None, *, is_ours: bool) -> list[Observation]:
    """The directory's owner, rights, room, and whether each entry can be read.  Blocks: it reads all entries.

    ``is_ours`` is whether it has to belong to this process' user, as it has for the service; else one of another user
    is told of and not looked into.
    """
    if directory is None:
        return [observe("cache", "notice", "answers are kept nowhere", "catalog.cache_dir", _SLOW_START)]
    try:
        owner = directory.stat().st_uid
        if owner != os.geteuid() and not is_ours:
            said = f"it belongs to {user_name(owner)}: a service that runs as this user looks into it"
            return [observe("cache", "ok", said, directory)]
        require_private(directory)
    except FileNotFoundError:
        return [
            observe("cache", "problem", "there is no such directory", directory, _SLOW_START, f"mkdir -p {directory}")
        ]
    except OSError as error:
        todo = "is this the user that the service runs as?"
        return [observe("cache", "problem", f"it may not be looked at: {error.strerror}", directory, _SLOW_START, todo)]
    except ServiceError as error:
        return [
            observe("cache", "problem", error.message, directory, "whoever writes there decides on answers", error.hint)
        ]
    return [*_room(directory), *_entries(directory)]


_SLOW_START = "each start of the service interviews all binaries anew"


def _room(directory: Path) -> Iterator[Observation]:
    try:
        found = os.statvfs(directory)
    except OSError as error:
        yield observe("cache", "problem", f"its disk cannot be asked: {error.strerror}", directory, _SLOW_START)
        return
    free = found.f_bavail * found.f_frsize
    why = "what is learnt is not kept"
    if found.f_flag & os.ST_RDONLY:
        yield observe("cache", "problem", "its disk is read-only", directory, why, "mount it to be written to")
    elif not os.access(directory, os.W_OK | os.X_OK):
        yield observe("cache", "problem", "it cannot be written to", directory, why, f"chmod u+rwx {directory}")
    elif free < _LEAST_FREE or (found.f_files and not found.f_favail):
        lacking = f"{free >> 20} MiB are free" if free < _LEAST_FREE else "no inode is free"
        yield observe("cache", "problem", f"its disk is full: {lacking}", directory, why, "make room")
    else:
        yield observe("cache", "ok", f"it is ours alone, and has room ({free >> 20} MiB)", directory)


def _entries(directory: Path) -> Iterator[Observation]:
    try:
        names = sorted(path.name for path in directory.iterdir())[: 2 * _MOST_ENTRIES]
    except OSError as error:
        yield observe("cache", "problem", f"it cannot be listed: {error.strerror}", directory, _SLOW_START)
        return
    good = 0
    for name in [name for name in names if name.endswith(".cache")][:_MOST_ENTRIES]:
        fault = entry_fault(directory / name)
        good += fault is None
        if fault is not None:
            why = "the binary is asked anew when the service starts, and the entry is set aside"
            todo = "nothing, or remove it; if it comes again, look at the disk"
            yield observe("cache", "notice", f"an entry cannot be trusted: {fault}", directory / name, why, todo)
    bad = [name for name in names if name.endswith(".bad")]
    if bad:
        why = "a disk, or somebody who writes there, spoilt what was kept"
        said = f"{len(bad)} entries were set aside, the first of them {bad[0]}"
        yield observe("cache", "notice", said, directory, why, f"look why, then rm {directory}/*.bad")
    yield observe("cache", "ok", f"{good} entries can be read", directory)


_MAY = "may refresh, prove and rehearse"


def look_at_groups(settings: ServiceSettings) -> list[Observation]:
    """Whether the groups that the settings name are there, and who is in them.  Blocks."""
    found = []
    if settings.group is not None:
        found.append(_group("group", settings.group, "may ask"))
    if settings.admin_group is None:
        found.append(observe("groups", "ok", f"root and the service's own user alone {_MAY}", "admin_group"))
    else:
        found.append(_group("admin_group", settings.admin_group, _MAY))
    return [*found, *_of_socket(settings.socket)]


def _group(key: str, name: str, may: str) -> Observation:
    try:
        members = _members(grp.getgrnam(name))
    except KeyError:
        why = "the service does not start, or keeps its former settings when it is reloaded"
        todo = f"groupadd --system {name}, or name another one in {key}"
        return observe("groups", "problem", f"there is no group {name!r}", key, why, todo)
    if not members:
        why, todo = f"beside root and the service's user nobody {may}", f"usermod --append --groups {name} USER"
        return observe("groups", "notice", f"nobody is in the group {name}", key, why, todo)
    return observe("groups", "ok", f"the group {name} {may}: {listed(members, _MOST_MEMBERS)}", key)


def _members(group: grp.struct_group) -> list[str]:
    """Those that the group lists, and those whose own group it is."""
    own = [user.pw_name for user in pwd.getpwall() if user.pw_gid == group.gr_gid]
    return sorted({*group.gr_mem, *own})


def _of_socket(path: Path) -> Iterator[Observation]:
    """Whom the socket lets in: what is there now, whoever made it."""
    try:
        found = path.stat()
    except OSError:
        return  # Whoever looks at the socket tells of that.
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o002:
        why = "every user of this host may ask, and keep the service busy"
        todo = "SocketMode=0660 in prober.socket, or mode = 0o660 where the service makes it"
        yield observe("groups", "notice", f"the socket is for everybody ({mode:04o})", path, why, todo)
        return
    name = group_name(found.st_gid)
    try:
        members = [] if not mode & 0o020 else _members(grp.getgrgid(found.st_gid))
    except KeyError:
        members = []
    if members:
        yield observe("groups", "ok", f"the socket is for the group {name}: {listed(members, _MOST_MEMBERS)}", path)
    else:
        why, todo = "beside root and the service's user nobody may ask", f"usermod --append --groups {name} USER"
        yield observe(
            "groups", "notice", f"the socket is for nobody but its owner ({name}, {mode:04o})", path, why, todo
        )
