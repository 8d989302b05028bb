"""The image files that a command line has QEMU open, and what each opening asks of the others.

QEMU locks an image for what its users do: one that writes keeps away each that does not let others write, and the
other way round (``block/file-posix.c``, ``raw_check_lock_bytes``).  A disk writes unless it or its node is read-only,
and lets others write with ``share-rw`` alone (``hw/block/block.c``, ``blkconf_apply_backend_options``).  What a format
asks of its file is its own: qcow2 writes wherever it is not read-only, with a disk or without, and never lets others
write (``block.c``, ``bdrv_default_perms_for_storage``).  A node that nobody uses asks nothing.  Two users of
one node keep one another away in the same way (``block.c``, ``bdrv_a_allow_b``).  Tried in pairs with 5.2, 7.2, 10.0
and 11.1, which agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from prober.commandline.block_trees import DEEPEST_NODE
from prober.commandline.drive_values import drive_values_of, has_no_medium, is_read_only
from prober.commandline.drives import DRIVE_OPTIONS
from prober.commandline.line import Line, Made, kept_by_line, switch
from prober.commandline.options import Keyval, Plain, Qapi
from prober.commandline.refusal import Origin

#: Drivers of files and block devices of this host that lock what they open.
_FILES: Final = ("file", "host_device")

#: What hands on to its file what is asked of it.
_FILTERS: Final = ("raw", "throttle", "copy-on-read")

#: The disks whose openings are known, beside those of ``virtio-blk``; those for media that are only read.
_DISKS: Final = frozenset({"scsi-hd", "ide-hd", "usb-storage", "nvme", "nvme-ns", "floppy", "sd-card"})
_READERS: Final = frozenset({"scsi-cd", "ide-cd"})

#: Options that are a drive of the machine's own, and whether it is only read.
_SHORT: Final = {flag: flag == "-cdrom" for flag in ("-hda", "-hdb", "-hdc", "-hdd", "-cdrom", "-fda", "-fdb", "")}

#: Interfaces of ``-drive`` that make a disk, and whether that lets others write (``hw/block/pflash_cfi01.c``).
_OWN: Final = {"ide": False, "virtio": False, "floppy": False, "pflash": True}


class Opening(NamedTuple):
    """One file that is opened, or one node that is used: whether the user writes to it, and lets others write.

    ``name`` is the file's or the node's.  ``place`` is that of the disk, or of the node above where no disk uses it.
    """

    name: str
    writes: bool
    shares: bool
    place: Origin


class _Want(NamedTuple):
    """What is asked of a node; not ``known`` where it is not known what its user does.

    ``insists`` is whether it writes whatever the node is: a disk that can be read-only only reads of one that is.
    """

    writes: bool = False
    shares: bool = True
    known: bool = True
    place: Origin | None = None
    insists: bool = False

    def reading(self) -> _Want:
        """The same, of one that does not write."""
        return _Want(False, self.shares, self.known, self.place, self.insists) if self.writes else self

    def insisting(self) -> _Want:
        """The same, of one that writes whatever the node is."""
        return self if self.insists else _Want(self.writes, self.shares, self.known, self.place, True)


_NOTHING = _Want()
_UNKNOWN = _Want(known=False)


def _all_of(wants: Sequence[_Want]) -> _Want:
    """What several users ask at once."""
    if len(wants) < 2:
        return wants[0] if wants else _NOTHING
    return _Want(
        any(want.writes for want in wants),
        all(want.shares for want in wants),
        all(want.known for want in wants),
        next((want.place for want in wants if want.place is not None), None),
        any(want.insists for want in wants),
    )


class Openings(NamedTuple):
    """The openings of files and the uses of nodes, each in the order of the options; none that is not known.

    ``denied`` has the uses of nodes and drives that are read-only, by what writes to them.
    """

    files: list[Opening]
    nodes: list[Opening]
    denied: list[Opening]


def local_path(name: str) -> str | None:
    """The path that the name of a file stands for, None where it is none of this host's: ``null-co://``, ``nbd:…``,
    ``https://…``, ``json:{…}`` (``block.c``, ``path_has_protocol``; ``block/file-posix.c``, ``raw_parse_filename``)."""
    if ":" not in name.partition("/")[0]:
        return name
    return next((name.removeprefix(word) for word in ("file:", "host_device:") if name.startswith(word)), None)


@kept_by_line
def find_openings(line: Line) -> Openings:
    """What a command line opens."""
    found = _Openings(line)
    return Openings(found.files[::-1], found.nodes, found.denied)


class _Openings:
    """Nodes are looked at from the last to the first, as each names only those before it; so each is looked at once."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._wants: dict[str, list[_Want]] = {}
        self._is_snapshot = "-snapshot" in line.plain
        self.files: list[Opening] = []
        self.nodes: list[Opening] = []
        self.denied: list[Opening] = []
        for flash in ("pflash0", "pflash1"):
            if isinstance(node := line.machine_value(flash), str):
                self._ask(str(node), _Want(writes=True, place=line.keyval["-machine"][0].place))
        for device in line.devices:
            drive = device.values.get("drive")
            if isinstance(drive, str) and drive:
                self._ask(str(drive), _of_disk(device))
        # Where there is no drive, -blockdev alone opens something.
        has_drives = not line.words.isdisjoint(DRIVE_OPTIONS)
        for option in reversed(line.options if has_drives else line.qapi.get("-blockdev", ())):
            match option:
                case Qapi(flag="-blockdev"):
                    self._node(option.value, None, option.place, 0)
                case Keyval(flag="-drive"):
                    self._drive(option)
                case Plain(flag=flag) if flag in _SHORT and option.value:
                    want = _Want(not _SHORT[flag], shares=False, place=option.place)
                    self._path(option.value, self._written(want, None), option.place)

    def _ask(self, name: str, want: _Want) -> None:
        self._wants.setdefault(name, []).append(want)

    def _asked(self, name: object) -> Sequence[_Want]:
        return self._wants.get(name, ()) if isinstance(name, str) else ()

    def _node(self, node: Mapping[str, Any], above: _Want | None, place: Origin, depth: int) -> None:
        """What is asked of a node, and by it of what it is made of; ``above`` is what the node around it asks."""
        if depth > DEEPEST_NODE:
            return
        name, driver, is_read = node.get("node-name"), node.get("driver"), switch(node.get("read-only")) is True
        wants = self._asked(name) if above is None else [above, *self._asked(name)]
        if is_read:
            self._deny(name, wants, place)
            wants = [want.reading() for want in wants]
        if isinstance(name, str):
            self.nodes += [Opening(str(name), one.writes, one.shares, one.place or place) for one in wants if one.known]
        is_forced = switch(node.get("force-share")) is True
        want = _UNKNOWN if is_forced else _all_of(wants)
        if driver in _FILES:
            self._file(node, want, place)
        elif driver in _FILTERS:
            self._child(node.get("file"), want.insisting(), place, depth)
        elif driver == "qcow2" and not is_forced:
            own = _Want(not is_read, shares=False, place=want.place, insists=True)
            self._child(node.get("file"), own, place, depth)
            self._child(node.get("backing"), want.reading(), place, depth)
        else:
            for child in _children(node):
                self._child(child, _UNKNOWN, place, depth)

    def _child(self, child: object, want: _Want, place: Origin, depth: int) -> None:
        if isinstance(child, str):
            self._ask(str(child), want)
        elif isinstance(child, Mapping):
            self._node(child, want, place, depth + 1)

    def _file(self, node: Mapping[str, Any], want: _Want, place: Origin) -> None:
        filename = node.get("filename")
        if want.known and isinstance(filename, str) and switch(node.get("locking")) is not False:
            self.files.append(Opening(str(filename), want.writes, want.shares, want.place or place))

    def _path(self, name: str, want: _Want, place: Origin) -> None:
        """A file by its name alone, if that is one of this host."""
        path = local_path(name)
        if path:
            self._file({"filename": path}, want, place)

    def _deny(self, name: object, wants: Sequence[_Want], place: Origin) -> None:
        """What writes, of those that use what is read-only."""
        shown = str(name) if isinstance(name, str) else ""
        self.denied += [
            Opening(shown, one.writes, one.shares, one.place or place)
            for one in wants
            if one.known and one.writes and one.insists
        ]

    def _drive(self, drive: Keyval) -> None:
        """A ``-drive``, which a device uses or the machine itself."""
        values: dict[str, Any] = drive_values_of(drive)
        interface = values.get("if", self._line.family.drive_interface)
        wants = self._asked(values.get("id"))
        if interface in _OWN:
            insists = interface == "ide" and values.get("media") != "cdrom"
            wants = [_Want(writes=True, shares=_OWN[interface], place=drive.place, insists=insists)]
        elif interface != "none":
            return
        if is_read_only(values) and not has_no_medium(values):
            self._deny(values.get("id"), wants, drive.place)
        want = _all_of(wants)
        if any(switch(values.get(key)) is True for key in ("force-share", "file.force-share")):
            return
        filename, kind = values.get("file", values.get("file.filename")), values.get("format", values.get("driver"))
        path = local_path(filename) if isinstance(filename, str) else None
        if not path or values.get("file.driver", "file") not in _FILES or kind not in (None, "raw", "qcow2"):
            return
        is_read = is_read_only(values)
        want = self._written(want.reading() if is_read else want, values.get("snapshot"))
        if kind == "qcow2":
            want = self._written(_Want(not is_read, shares=False, place=want.place), values.get("snapshot"))
        locking = values.get("file.locking", values.get("locking"))
        self._file({"filename": path, "locking": locking}, want, drive.place)

    def _written(self, want: _Want, snapshot: Any) -> _Want:
        """Of a snapshot what is written goes elsewhere."""
        is_snapshot = switch(snapshot)
        if self._is_snapshot if is_snapshot is None else is_snapshot:
            return want.reading()
        return want


def _of_disk(device: Made) -> _Want:
    name = device.typename
    shares = switch(device.values.get("share-rw")) is True
    if name == "sd-card":
        return _Want(writes=True, shares=True, place=device.place, insists=True)
    if name.startswith("virtio-blk") or name in _DISKS or name in _READERS:
        return _Want(name not in _READERS, shares, place=device.place, insists=name == "ide-hd")
    return _UNKNOWN


def _children(node: Mapping[str, Any]) -> Iterator[object]:
    """What may be a node below this one, by name or as a tree."""
    for value in node.values():
        if isinstance(value, list):
            yield from value
        else:
            yield value
