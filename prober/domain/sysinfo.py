"""``<sysinfo>``: what the guest is told of the machine that it runs on, by SMBIOS or in files of ``fw_cfg``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from prober.commandline.options import Keyval, Option, Property
from prober.commandline.refusal import Broken, Unfit
from prober.domain.os import Os
from prober.xml.binding import At, Becomes, Checked, Element
from prober.xml.values import AbsolutePath, Line, check_uuid

_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{1,4})")
#: What libvirt does not write as it is (11.3, ``virBufferEscapeString``).
_MANGLED = frozenset(",<>&\"'")
_FW_CFG_NAME = re.compile(r"opt/[^,=\s]{1,51}")


class SysinfoEntry(Element):
    """One ``<entry>``: a name and a text."""

    name: Annotated[str, At("@name"), Becomes("a key of `-smbios`")]
    value: Annotated[str, At("."), Becomes("its value in `-smbios`")]


class Table(Checked):
    """One SMBIOS table; each of its entries is a key of ``-smbios``."""

    keys: ClassVar[tuple[str, ...]]
    number: ClassVar[int]
    #: Keys that stand there in any case, empty where nothing is said (libvirt 11.3, ``qemuBuildSmbiosBaseBoardStr``).
    always: ClassVar[frozenset[str]] = frozenset()

    entries: Annotated[tuple[SysinfoEntry, ...], At("entry"), Becomes("keys of `-smbios`")] = ()

    def rules(self) -> Iterator[Broken]:
        """Known names, each once."""
        names = [entry.name for entry in self.entries]
        for name in dict.fromkeys(names):
            if name not in self.keys:
                yield Broken(
                    "entries", f"<entry name='{name[:80]}'> is not understood; understood are {', '.join(self.keys)}"
                )
            elif names.count(name) > 1:
                yield Broken("entries", f"<entry name='{name}'> is given twice")
        for entry in self.entries:
            if any(not char.isprintable() for char in entry.value) or len(entry.value) > 1024:
                yield Broken(
                    "entries", f"<entry name='{entry.name[:80]}'> is no line of at most 1024 printable characters"
                )

    def entry(self, name: str) -> SysinfoEntry | None:
        """The entry of this name; an empty one is none."""
        return next((entry for entry in self.entries if entry.name == name and entry.value), None)

    def written(self, entry: SysinfoEntry) -> str:
        """An entry's value as it is written."""
        return entry.value

    def emit(self) -> Iterator[Option]:
        """``-smbios``, with the keys in QEMU's order; a table of nothing is left to QEMU."""
        if not any(entry.value for entry in self.entries):
            return
        pairs = [Property("type", self.number, self.place())]
        for key in self.keys:
            entry = self.entry(key)
            if entry is not None:
                pairs.append(Property(key, self.written(entry), entry.place("value")))
            elif key in self.always:
                pairs.append(Property(key, "", self.place()))
        yield Keyval("-smbios", "", tuple(pairs), self.place())


class BiosTable(Table):
    """Table 0: the firmware."""

    number = 0
    keys = ("vendor", "version", "date", "release")

    def rules(self) -> Iterator[Broken]:
        """A date as SMBIOS has it: month, day, year."""
        yield from super().rules()
        date = self.entry("date")
        if date is None:
            return
        match = _DATE.fullmatch(date.value)
        month, day, year = map(int, match.groups()) if match else (0, 0, 0)
        if not (1 <= month <= 12 and 1 <= day <= 31 and (year < 100 or year >= 1900)):
            yield Broken("entries", f"'{date.value[:80]}' is no date like 02/25/2011")


class System(Table):
    """Table 1: the machine."""

    number = 1
    keys = ("manufacturer", "product", "version", "serial", "uuid", "sku", "family")

    def rules(self) -> Iterator[Broken]:
        """A UUID that is one."""
        yield from super().rules()
        if self.entry("uuid") is not None and self.uuid is None:
            yield Broken("entries", "<entry name='uuid'> is not a UUID")
        if [entry.name for entry in self.entries if entry.value] == ["sku"]:
            yield Broken("entries", "libvirt loses a sku that stands alone: write another <entry>, too")

    def written(self, entry: SysinfoEntry) -> str:
        """The UUID as libvirt writes it."""
        return (self.uuid or entry.value) if entry.name == "uuid" else entry.value

    @property
    def uuid(self) -> str | None:
        """The UUID, as libvirt writes UUIDs."""
        entry = self.entry("uuid")
        if entry is None:
            return None
        try:
            return check_uuid(entry.value)
        except ValueError:
            return None


class BaseBoard(Table):
    """Table 2: the board."""

    number = 2
    always = frozenset({"manufacturer"})
    keys = ("manufacturer", "product", "version", "serial", "asset", "location")


class Chassis(Table):
    """Table 3: the case."""

    number = 3
    always = frozenset({"manufacturer"})
    keys = ("manufacturer", "version", "serial", "asset", "sku")


class OemStrings(Element):
    """Table 11: words of the maker's."""

    values: Annotated[tuple[Line, ...], At("entry"), Becomes("`value` of `-smbios`")] = ()


class Sysinfo(Element):
    """Strings for the guest's SMBIOS tables, or blobs for its firmware (``fwcfg``); ``type`` tells which."""

    tag: ClassVar[str] = "type"


class SmbiosInfo(Sysinfo, Checked):
    """What SMBIOS tables say, where ``<smbios mode='sysinfo'>`` asks for it."""

    tag: ClassVar[str] = ""
    type: Annotated[Literal["smbios"], At("@type"), Becomes("`-smbios`")]
    bios: Annotated[BiosTable | None, At("bios"), Becomes("`-smbios type=0`")] = None
    system: Annotated[System | None, At("system"), Becomes("`-smbios type=1`")] = None
    boards: Annotated[tuple[BaseBoard, ...], At("baseBoard"), Becomes("`-smbios type=2`")] = ()
    chassis: Annotated[Chassis | None, At("chassis"), Becomes("`-smbios type=3`")] = None
    oem_strings: Annotated[OemStrings | None, At("oemStrings"), Becomes("`-smbios type=11`")] = None

    def rules(self) -> Iterator[Broken]:
        """QEMU has one table of each kind."""
        if sum(bool(board.entries) for board in self.boards) > 1:
            yield Broken("boards", "QEMU has one <baseBoard>")

    def emit(self) -> Iterator[Option]:
        """``-smbios``, table by table (libvirt 11.3, ``qemuBuildSmbiosCommandLine``)."""
        for table in (self.bios, self.system, *self.boards, self.chassis):
            if table is not None:
                yield from table.emit()
        if self.oem_strings is not None and self.oem_strings.values:
            place = self.oem_strings.place()
            values = tuple(Property("value", value, place) for value in self.oem_strings.values)
            yield Keyval("-smbios", "", (Property("type", 11, place), *values), place)


def _fw_cfg_name(value: str) -> str:
    """A name of the guest's own part of ``fw_cfg`` (QEMU, ``docs/specs/fw_cfg.rst``: at most 55 characters)."""
    if not _FW_CFG_NAME.fullmatch(value):
        raise Unfit("is no name like opt/org.example/name of at most 55 characters")
    if value.startswith(("opt/ovmf/", "opt/org.qemu/")):
        raise Unfit("is a name that OVMF or QEMU keep for themselves")
    return value


class FwCfgEntry(Checked):
    """One file of ``fw_cfg``: its content as text, or from a file of the host."""

    name: Annotated[Annotated[str, AfterValidator(_fw_cfg_name)], At("@name"), Becomes("`name` of `-fw_cfg`")]
    value: Annotated[str, At("."), Becomes("`string` of `-fw_cfg`")] = ""
    file: Annotated[AbsolutePath | None, At("@file"), Becomes("`file` of `-fw_cfg`")] = None

    def rules(self) -> Iterator[Broken]:
        """One of the two."""
        if bool(self.value) == (self.file is not None):
            yield Broken("", "an <entry> of fw_cfg has either a text or file=…")
        if len(self.value) > 65536:
            yield Broken("value", "the text of an <entry> has at most 65536 characters")
        if _MANGLED & set(self.value):
            yield Broken(
                "value",
                "libvirt's command line would not hold this text as it is: of ,<>&\" and ' the first parts options for "
                "QEMU, the others become entities; put it into a file, and name that with file=…",
            )


class FwCfgInfo(Sysinfo, Element):
    """What a guest finds in ``fw_cfg``."""

    tag: ClassVar[str] = ""
    type: Annotated[Literal["fwcfg"], At("@type"), Becomes("`-fw_cfg`")]
    entries: Annotated[tuple[FwCfgEntry, ...], At("entry"), Becomes("`-fw_cfg`")] = ()

    def emit(self) -> Iterator[Option]:
        """``-fw_cfg``, one for each entry (libvirt 11.3, ``qemuBuildSysinfoCommandLine``)."""
        for entry in self.entries:
            name = Property("name", entry.name, entry.place("name"))
            content = (
                Property("file", entry.file, entry.place("file"))
                if entry.file is not None
                else Property("string", entry.value, entry.place("value"))
            )
            yield Keyval("-fw_cfg", "", (name, content), entry.place())


Sysinfo.choices = {"smbios": SmbiosInfo, "fwcfg": FwCfgInfo}


def emit_smbios(infos: Iterable[Sysinfo], os: Os) -> Iterator[Option]:
    """What the first ``<sysinfo type='smbios'>`` says, where ``<os>`` asks for it."""
    if os.smbios == "sysinfo":
        for info in infos:
            if isinstance(info, SmbiosInfo):
                yield from info.emit()
                return


def emit_fw_cfg(infos: Iterable[Sysinfo]) -> Iterator[Option]:
    """All that ``<sysinfo type='fwcfg'>`` says."""
    for info in infos:
        if isinstance(info, FwCfgInfo):
            yield from info.emit()
