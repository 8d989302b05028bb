"""A box for one binary, with a directory for stand-ins that is gone when the box is."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from prober.errors import ConfinementError
from prober.qemu.box.group import make_group, remove_group
from prober.qemu.box.model import Box, Confinement
from prober.qemu.box.view import look_at
from prober.qemu.finishing import uncancelled

#: Where the directory for stand-ins is in a box.
STAND_IN = "/stand-in"

_PREFIX = "prober-box-"
_SANDBOX = ("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")


@asynccontextmanager
async def box_of(
    made: Confinement,
    binary: str,
    *,
    root: Path | None = None,
    place: Path | None = None,
    stand_ins: bool = True,
) -> AsyncIterator[Box]:
    """A box of this kind for a binary.  Its directory for stand-ins and its control group are removed when the block
    ends, in whatever way, so that whatever runs in the box must have ended before; what is left in the group is ended.

    ``place`` is where that directory is made (default: the directory for temporary files).  Without ``stand_ins`` there
    is none, and nothing to write to.

    :raise LaunchError: where there is no such binary.
    :raise ConfinementError: where no directory can be made that the box's user reaches, or no control group.
    """
    boxes: list[Box] = []
    try:
        # Noted by the thread: a cancellation that comes meanwhile must not lose what is to be removed.
        await uncancelled(asyncio.to_thread(lambda: boxes.append(_make(made, binary, root, place, stand_ins))))
        yield boxes[0]
    finally:
        for box in boxes:
            if box.directory is not None or box.group is not None:
                await uncancelled(asyncio.to_thread(_take_away, box))


def hand_over(box: Box) -> None:
    """Give all that is in ``box.ours`` to the user that QEMU runs as.  To be called when the stand-ins are made and
    before QEMU is started; does nothing where that user is our own.  Blocks.

    Links are not followed.

    :raise OSError: where a file went away meanwhile.
    """
    uid = box.confinement.identity.uid
    if uid is None:
        return
    for directory, names, files in os.walk(box.ours):
        for name in (*names, *files):
            os.chown(Path(directory, name), uid, uid, follow_symlinks=False)


def _make(made: Confinement, binary: str, root: Path | None, place: Path | None, stand_ins: bool) -> Box:
    box = _make_box(made, binary, root, place, stand_ins)
    if made.groups.directory is None:
        return box
    try:
        limits = made.limits
        return replace(box, group=make_group(made.groups, limits.memory_bytes, limits.tasks))
    except ConfinementError:
        _take_away(box)
        raise


def _take_away(box: Box) -> None:
    if box.group is not None:
        remove_group(box.group)
    if box.directory is not None:
        _remove(box.directory)


def _make_box(made: Confinement, binary: str, root: Path | None, place: Path | None, stand_ins: bool) -> Box:
    view = look_at(binary, root)
    words = () if made.form == "bubblewrap" else _SANDBOX
    if not stand_ins:
        return Box(made, view, None, STAND_IN, root, words)
    ours = _make_directory(_find_place(made, root, place), made.identity.uid)
    inside = STAND_IN if made.form == "bubblewrap" else f"/{ours.relative_to(root or '/')}"
    return Box(made, view, ours, inside, root, words)


def _make_directory(parent: Path, uid: int | None) -> Path:
    try:
        made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    except OSError as error:
        raise ConfinementError(f"cannot make a directory for stand-ins: {error.strerror}: {parent}") from error
    try:
        if uid is not None:
            os.chown(made, uid, uid)
    except OSError as error:
        _remove(made)
        raise ConfinementError(f"cannot give {made} to the user {uid}: {error.strerror}") from error
    return made


def _find_place(made: Confinement, root: Path | None, place: Path | None) -> Path:
    """Where the directory is made: the user of the box must reach it, and in the weak form it is inside of the root."""
    if root is not None and made.form == "weak":
        return root / "tmp"
    candidates = [place] if place is not None else [*_usual(), Path("/tmp"), Path("/var/tmp")]  # noqa: S108
    for candidate in candidates:
        real = candidate.resolve()
        if made.identity.uid is None or all(_may_pass(one) for one in (real, *real.parents)):
            return real
    raise ConfinementError(
        f"no user but us reaches {candidates[0]}",
        hint="stand-ins need a directory for temporary files that all may pass",
    )


def _usual() -> list[Path]:
    """The directory for temporary files; none where no file can be written in any, as a disk is full."""
    with suppress(OSError):
        return [Path(tempfile.gettempdir())]
    return []


def _may_pass(directory: Path) -> bool:
    with suppress(OSError):
        return bool(directory.stat().st_mode & stat.S_IXOTH)
    return False


def _remove(directory: Path) -> None:
    """Remove it whatever QEMU made in it.  Nothing outside of it is changed, and nothing is followed out of it
    (:func:`shutil.rmtree`)."""

    def open_up(_: Callable[..., object], path: str, __: object) -> None:
        for one in (Path(path).parent, Path(path)):
            if one == directory or directory in one.parents:
                with suppress(OSError):
                    if stat.S_ISDIR(one.lstat().st_mode):
                        one.chmod(0o700)

    with suppress(OSError):
        directory.rmdir()  # mostly it is empty, and this takes no descriptor, of which there may be none
        return
    shutil.rmtree(directory, onerror=open_up)
    shutil.rmtree(directory, ignore_errors=True)
