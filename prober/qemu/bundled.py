"""The recordings that come with prober, and their names: ``qemu-7.2`` is the newest of its 7.2.

Everywhere that a recording is taken, one of these may be named instead.  A word with a slash, or of something that is
there, is a file all the same.
"""

from __future__ import annotations

from pathlib import Path

import prober

#: The word for all of them, where a directory of recordings may be named.
ALL = "bundled"

#: How the names of recordings end.
RECORDING_ENDS = (".replies.xz", ".replies")

#: Where they are: in the package, and in a checkout, which they are taken from when that is built.
PLACES = (Path(prober.__file__).parent / "replies", Path(prober.__file__).parent.parent / "fixtures" / "replies")


def find_bundled() -> Path | None:
    """The directory of the recordings that come with prober; None where it was installed without them."""
    return next((place for place in PLACES if place.is_dir()), None)


def without_ending(name: str) -> str:
    """The name of a file without a recording's ending."""
    for end in RECORDING_ENDS:
        name = name.removesuffix(end)
    return name


def bundled_names() -> list[str]:
    """The whole name of each recording that comes along, those of x86 last, the oldest version first: ``qemu-5.2.0``.

    None where prober was installed without them.  Blocks.
    """
    return [bundled_name(path) for path in _list()]


def bundled_target(file: Path) -> str:
    """The target of a bundled recording: ``qemu-aarch64-7.2.22``, and x86's without one."""
    parts = without_ending(file.name).split("-")
    return parts[1] if len(parts) > 2 else "x86_64"


def as_path(word: str) -> Path:
    """A word of the command line as a path that is still told from a name: ``./qemu-7.2`` is a file.  Blocks."""
    path = Path(word)
    return path.absolute() if "/" in word and named_recording(path) != path else path


def named_recording(path: Path) -> Path:
    """The file that is meant, or for :data:`ALL` the directory; what no bundled one is called is a path as it is.

    Blocks.
    """
    word = str(path)
    if "/" in word or path.exists():
        return path
    if word == ALL:
        return find_bundled() or path
    return bundled_file(word) or path


def bundled_file(name: str) -> Path | None:
    """The file of the bundled recording of this name: of several versions the newest.  Blocks."""
    begin = f"{without_ending(name)}."
    return next((one for one in reversed(_list()) if f"{without_ending(one.name)}.".startswith(begin)), None)


def bundled_name(file: Path) -> str:
    """The whole name of a bundled recording, which may be given back."""
    return without_ending(file.name)


def called(path: Path, file: Path) -> str:
    """How a recording is called in an answer: as it was named, or by the whole name of the bundled ``file`` that is
    meant."""
    return str(path) if file == path else bundled_name(file)


def what_else(path: Path) -> str:
    """What to do where nothing is called so, as a hint; empty where a file was meant, or is there."""
    if path.parent != Path() or path.exists() or not (names := bundled_names()):
        return ""
    return f"name a file, or one that comes along: {', '.join(names)}"


def _list() -> list[Path]:
    place = find_bundled()
    if place is None:
        return []
    return sorted((path for path in place.iterdir() if path.name.endswith(RECORDING_ENDS)), key=_in_order)


def _in_order(path: Path) -> tuple[bool, list[int], str]:
    """x86's after all others, each by version: the last is that which is meant where nothing is said."""
    return bundled_target(path) == "x86_64", _by_version(path), path.name


def _by_version(path: Path) -> list[int]:
    return [int(number) for number in without_ending(path.name).rpartition("-")[2].split(".") if number.isdigit()]
