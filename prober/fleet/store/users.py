"""The users of a store on NATS: their keys, and what a server's configuration says of each.

What each may do is in ``users/ROLE.user`` beside this module, which ``packaging/nats`` has as well.  A server's
configuration names its hosts in ``hosts.conf`` and its readers and keepers in ``keepers.conf``: they are in different
accounts, and who lands in the wrong one may write what is another's (docs/fleet-store.md).
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

from prober.errors import StoreError, UsageError
from prober.fleet.records import HOST_NAME
from prober.fleet.store.nkeys import make_seed
from prober.fleet.store.subjects import token
from prober.qemu.whole import write_whole

#: The most bytes of a file of users: a hundred thousand hosts.
_MOST_BYTES = 128 << 20

_BEGIN, _END = "users: [", "]"
_LIST = re.compile(r"users\s*[:=]?\s*\[")


class Role(StrEnum):
    """What a user is for; it decides what the user may do."""

    host = "host"
    reader = "reader"
    keeper = "keeper"

    @property
    def file(self) -> str:
        """The file of a server's configuration that has such users."""
        return "hosts.conf" if self is Role.host else "keepers.conf"


def user_lines(role: Role, name: str, public_key: str) -> str:
    """What stands in ``users`` of the role's file for this user; ends with a line break.

    :raise UsageError: where the name is none.
    """
    if not HOST_NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} is no name of a {role}", hint="letters, digits, dots, dashes and underscores, up to 253"
        )
    text = files("prober.fleet.store").joinpath("users", f"{role}.user").read_text()
    rights = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    return f"{_mark(role, name)}\n{rights.replace('@KEY@', public_key).replace('@HOST@', token(name))}"


def make_key(path: Path) -> None:
    """Make a file with a new user's seed, which its owner alone may read.  What is there is never touched.  Blocks.

    :raise StoreError: where there is something already, or the file cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise StoreError(
            f"{path} is there already, and is left as it is",
            hint="--existing tells what is to be said of its key, --output names another file",
        ) from error
    except OSError as error:
        raise StoreError(f"cannot make {path}: {error.strerror}", hint="see its directory") from error
    try:
        try:
            # Whatever the umask takes away from its owner.
            os.fchmod(descriptor, 0o600)
            os.write(descriptor, f"{make_seed()}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise StoreError(f"cannot write {path}: {error.strerror}") from error
        raise


@contextmanager
def adding_user(directory: Path, role: Role, name: str) -> Iterator[list[str]]:
    """A list for the lines of a new user; they are written into the configuration in a directory when the block ends
    without an error.  Nobody else adds one there meanwhile.  Blocks.

    :raise StoreError: where the file of the role cannot be read or written, has not the form that this writes, or has
        such a user already.
    """
    path = directory / role.file
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(
            f"{directory} cannot be opened: {error.strerror}",
            hint="name the directory of the server's configuration (packaging/nats is one to begin with)",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        before = _read_users(path)
        if _is_named(before, role, name):
            raise StoreError(
                f"{path} has a key of the {role} {name} already",
                hint="take its lines away first, where it is to have another one",
            )
        lines: list[str] = []
        yield lines
        _replace(path, f"{before}{''.join(lines)}{_END}\n")
    finally:
        os.close(descriptor)


def _mark(role: Role, name: str) -> str:
    return f"# {role} {name}"


def _is_named(text: str, role: Role, name: str) -> bool:
    """Whether there is such a user; a host is known by what it may write, too, where others have written the file."""
    return _mark(role, name) in text.splitlines() or (role is Role.host and f'"beats.{token(name)}"' in text)


def _read_users(path: Path) -> str:
    """What stands before the end of the list of users; its beginning where there is no file."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "strict")
    except FileNotFoundError:
        return f"{_BEGIN}\n"
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    text = text.rstrip()
    if not (_LIST.match(re.sub(r"#.*", "", text).lstrip()) and text.endswith(_END)):
        raise StoreError(
            f"{path} is not a list of users alone", hint=f"`{_BEGIN}`, a user a block, and `{_END}` as its last line"
        )
    return f"{text.removesuffix(_END).rstrip()}\n"


def _replace(path: Path, text: str) -> None:
    """With the mode and the owner of the file that was there; else everybody may read it: it has no secret."""
    try:
        was = path.stat() if path.exists() else None
        mode = 0o644 if was is None else stat.S_IMODE(was.st_mode)
        owner = (was.st_uid, was.st_gid) if was is not None and os.geteuid() == 0 else None
        write_whole(path, text.encode(), mode, owner=owner, kept=True)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
