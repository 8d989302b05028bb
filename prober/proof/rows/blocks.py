"""The rows of block drivers: formats and filters stay as they are, and what they read from becomes a file.

A stand-in has the format that its readers read (:mod:`prober.proof.imageplan`).  What the node says to every driver
stays: its name, ``read-only``, ``cache``, ``discard``, ``detect-zeroes``.  Two nodes with one path of this host get one
file, so that QEMU's locks judge; two of the network get one each, as nothing locks there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prober.proof.bench import Bench
from prober.proof.filenames import debugged, is_no_address, is_too_large, nests_too_deep, split_filename, tree_of
from prober.proof.given import Given
from prober.proof.imageplan import image_key, images_of, nodes_below
from prober.proof.images import StandInImage, lay_out
from prober.proof.members import JsonMembers, Members, PairMembers
from prober.proof.nodes import BECOMES_FILE, LOCKING, NOWHERE, READS
from prober.proof.row import KEPT, StandInRow, stood_in, treat

#: Why a line is not started.
TOO_LARGE = "it has too many nodes, or they are nested too deeply"

#: What a node says of itself for what its file is called, the first that it has.
_NAMES = ("filename", "path", "url", "image", "volume", "vdi", "vdisk-id", "export", "target", "device", "node-name")


def stand_in_image(given: Given, bench: Bench, key: str, *, stem: str, is_shared: bool, part: str) -> str | None:
    """A file with what is read in it, and its path; None, and the line refused, where there is no way to make one."""
    if bench.images is None:
        bench.images = images_of(bench.line, bench.caps.target)
    image = bench.images.get(key, StandInImage())
    laid = lay_out(image)
    if laid is None:
        bench.refuse(given, f"there is no stand-in for an image of {str(image)[:80]}")
        return None
    path = bench.add(
        stem, content=laid.content, at=laid.at, size=laid.size, shared_as=f"image {key}" if is_shared else ""
    )
    bench.replace(given, part, f"{path} ({image})")
    return path


def stand_in_filename(given: Given, text: str, bench: Bench, part: str) -> str | None:
    """What to write in the place of a filename; None where it stays (``null-co://``, a prefix that no driver has)."""
    tree = tree_of(text)
    if tree is not None:
        return _in_json(given, tree, bench)
    driver, rest = split_filename(text)
    if driver in ("blkdebug", "blkverify"):
        return _in_debugged(given, driver, rest, bench, part)
    if driver == "vvfat":
        words, colon, directory = rest.rpartition(":")
        made = _directory(given, directory, bench, part)
        return f"fat:{words}{colon}{made}"
    if driver in LOCKING:
        return stand_in_image(given, bench, rest, stem=rest or "disk", is_shared=True, part=part)
    if is_no_address(text):
        return None
    if driver in BECOMES_FILE:
        bench.drivers.setdefault(driver, given)
        stem = rest.partition("?")[0].rstrip("/") or driver
        return stand_in_image(given, bench, text, stem=stem, is_shared=False, part=part)
    return None


def _in_json(given: Given, tree: JsonMembers, bench: Bench) -> str | None:
    before = len(bench.replaced)
    if is_too_large(tree):
        bench.refuse(given, TOO_LARGE)
        return None
    stand_in_tree(given, tree, bench)
    return f"json:{tree.render()}" if len(bench.replaced) > before else None


def _in_debugged(given: Given, driver: str, rest: str, bench: Bench, part: str) -> str | None:
    first, second = debugged(rest)
    if nests_too_deep(rest) or not second:
        return None
    if driver == "blkdebug":
        made: str | None = _config(given, first, bench, part) if first else ""
    else:
        made = stand_in_filename(given, first, bench, part)
    below = stand_in_filename(given, second, bench, part)
    return f"{driver}:{first if made is None else made}:{second if below is None else below}"


def _directory(given: Given, path: str, bench: Bench, part: str) -> str:
    made = bench.add(path or "directory", kind="directory", shared_as=f"directory {path}")
    bench.replace(given, part, f"{made}, an empty directory")
    return made


def _config(given: Given, path: str, bench: Bench, part: str) -> str:
    made = bench.add(path, shared_as=f"rules {path}")
    bench.replace(given, part, f"{made}, without rules")
    return made


def stand_in_tree(given: Given, members: Members, bench: Bench) -> None:
    """A node and all that it reads, by the row of its driver; without one, by what its filename says."""
    driver = members.text("driver")
    if driver:
        treat(BLOCK_DRIVERS, "block driver", driver, given, members, bench)
    elif members.text("filename"):
        _put_filename(given, members, bench)
    else:
        for name in ("file", "backing"):
            inner = members.inner(name)
            if inner is not None:
                stand_in_tree(given, inner, bench)


def _put_filename(given: Given, members: Members, bench: Bench) -> None:
    made = stand_in_filename(given, members.text("filename"), bench, part_of(given, members, "filename"))
    if made is not None:
        members.put("filename", made)
        given.touch()


def stand_in_below(given: Given, members: Members, bench: Bench) -> None:
    """What a node of a format or a filter reads: the nodes that stand inside it.  Those it names have their own."""
    driver = members.text("driver") or members.text("format")
    if driver == "blkdebug" and members.text("config"):
        members.set("config", _config(given, members.text("config"), bench, part_of(given, members, "config")))
        given.touch()
    for below in list(nodes_below(driver, members, StandInImage())):
        inner = below.holder.inner(below.name)
        if inner is not None:
            stand_in_tree(given, inner, bench)


def _become_file(given: Given, members: Members, bench: Bench) -> None:
    name = "driver" if members.text("driver") in BECOMES_FILE else "format"
    driver = members.text(name)
    if driver in LOCKING and not members.text("filename"):
        return  # QEMU says that it is missing
    if driver not in LOCKING:
        bench.drivers.setdefault(driver, given)
    elif driver == "file" and is_kept(members.text("filename"), members, bench):
        return
    stem = next((members.text(word) for word in _NAMES if members.text(word)), driver)
    part = part_of(given, members, "filename" if driver in LOCKING else "")
    made = stand_in_image(given, bench, image_key(members), stem=stem, is_shared=driver in LOCKING, part=part)
    if made is None:
        return
    for own in BECOMES_FILE[driver]:
        members.drop(own)
    members.put(name, "file")
    members.put("filename", made)
    given.touch()


def is_kept(path: str, members: Members, bench: Bench) -> bool:
    """Whether QEMU gets the file itself: it is there for it as well, and is only read."""
    return path in bench.here and any(members.text(name) in ("on", "true") for name in ("read-only", "readonly"))


def _vvfat(given: Given, members: Members, bench: Bench) -> None:
    if members.text("dir"):
        members.set("dir", _directory(given, members.text("dir"), bench, part_of(given, members, "dir")))
        given.touch()


def part_of(given: Given, members: Members, name: str) -> str:
    """The path of a member in its option, with dots; of the members themselves where the name is empty."""
    if isinstance(members, PairMembers):
        return (members.prefix + name).rstrip(".")
    if isinstance(members, JsonMembers) and isinstance(given.members, JsonMembers):
        found = _path_to(given.members.tree, members.tree, "")
        if found is not None:
            return (found + name).rstrip(".")
    return name


def _path_to(tree: Any, sought: Any, path: str) -> str | None:
    if tree is sought:
        return path
    steps: list[tuple[Any, Any]] = list(tree.items()) if isinstance(tree, dict) else []
    steps = list(enumerate(tree)) if isinstance(tree, list) else steps
    for step, below in steps:
        found = _path_to(below, sought, f"{path}{step}.")
        if found is not None:
            return found
    return None


_TREE = stood_in("format and options stay; what it reads is stood in for", stand_in_below)
_FILE = stood_in("a sparse file of the format that is read from it", _become_file)

#: The block drivers of 5.2 to 11.1.
BLOCK_DRIVERS: Mapping[str, StandInRow] = {
    **dict.fromkeys(READS, _TREE),
    **dict.fromkeys(BECOMES_FILE, _FILE),
    **dict.fromkeys(NOWHERE, KEPT),
    "vvfat": stood_in("an empty directory", _vvfat),
}
