"""QEMU's command-line options as data, each part with the place in the XML that it came from.

An option knows what it means, not how it is written: :mod:`.render` writes it as JSON or ``key=value``,
whichever the binary reads, and :mod:`.check` holds it against the binary's capabilities.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self, TypeAlias

from prober.commandline.deeds import Deed
from prober.commandline.refusal import Origin

#: A value of a property: a JSON scalar, or a tree of them where a QAPI schema has one.
Value: TypeAlias = "bool | int | str | list[Value] | dict[str, Value] | None"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that the host must prepare before QEMU starts (or do after), for one value of an option.

    ``kind`` is one word for what it is (``tap``, ``vfio``, ``secret``), ``name`` whose it is (an alias, as ``net0``),
    ``todo`` a sentence: what to make ready, or what to put there.  ``deed`` is the same for a program, None where it
    takes somebody who knows the host.  ``path`` is the file of the host that it is about then, where the value does not
    name one.
    """

    kind: str
    name: str
    todo: str
    deed: Deed | None = None
    path: str = ""

    @property
    def file(self) -> str:
        """The file of the host that it is about: what is opened and passed; empty where the value names it."""
        return self.path or str(getattr(self.deed, "path", ""))


class Prepared(str):
    """A value behind which the host has work to do: a path that somebody must listen on, a secret to put in.

    As text it is what stands in the argv; ``needs`` say what has to be there before.
    """

    __slots__ = ("needs",)
    needs: tuple[Need, ...]

    def __new__(cls, text: str, *needs: Need) -> Self:
        """``text`` as it will stand in the argv."""
        made = super().__new__(cls, text)
        made.needs = needs
        return made


class Passed(Prepared):
    """Open descriptors that QEMU inherits, one for each need, joined by colons (``fds=3:4``).

    Its numbers are given once all options are known, by :func:`number_descriptors`.
    """

    __slots__ = ()

    def __new__(cls, *needs: Need, text: str = "") -> Self:
        """What is to be opened; ``text`` is for :func:`number_descriptors` alone."""
        return super().__new__(cls, text, *needs)


class FdSet(str):
    """The number of a set of descriptors (``-add-fd set=``), or with a ``prefix`` the path that opens it
    (``/dev/fdset/0``).

    ``name`` tells one set from another; all that have one name get one number, by :func:`number_descriptors`.
    """

    __slots__ = ("name", "prefix")
    name: str
    prefix: str

    def __new__(cls, name: str, *, prefix: str = "", number: int | None = None) -> Self:
        """A set; ``number`` is for :func:`number_descriptors` alone."""
        made = super().__new__(cls, f"{prefix}{'' if number is None else number}")
        made.name, made.prefix = name, prefix
        return made


class Property(NamedTuple):
    """One property and its value, with what asked for it.

    A tuple, as a command line has hundreds, and a frozen dataclass takes twice as long to make.
    """

    name: str
    value: Value
    place: Origin


#: Makes a named tuple in half the time of a call of its class.
_new = tuple.__new__


@dataclass(slots=True)
class Written(Collection[Property]):
    """Properties that all stand in one place, as those of a command line do; each is made when it is asked for."""

    values: Mapping[str, Value]
    place: Origin

    def __iter__(self) -> Iterator[Property]:
        place = self.place
        return iter([_new(Property, (name, value, place)) for name, value in self.values.items()])

    def __len__(self) -> int:
        return len(self.values)

    def __contains__(self, item: object) -> bool:
        return item in tuple(self)


# Not frozen, which takes twice as long; nothing changes an option all the same.
@dataclass(slots=True)
class DeviceOption:
    """``-device``: a QOM type with properties.  The driver is a ``Text`` where it was written as key=value."""

    driver: str
    properties: tuple[Property, ...] | Written
    place: Origin

    @property
    def values(self) -> Mapping[str, Value]:
        """The values by name; of several of one name the last."""
        of = self.properties
        return {name: value for name, value, _ in of} if isinstance(of, tuple) else of.values


@dataclass(slots=True)
class Global:
    """``-global``: a property for every device of a type that the machine makes itself."""

    driver: str
    setting: Property

    @property
    def fact(self) -> str:
        """QEMU's name of what is set."""
        return f"{self.driver}.{self.setting.name}"


@dataclass(slots=True)
class Object:
    """``-object``: a user-creatable object (``object-add``)."""

    qom_type: str
    id: str
    properties: tuple[Property, ...]
    place: Origin


@dataclass(slots=True)
class Qapi:
    """An option whose value is the argument of a QMP command: ``-blockdev``, ``-netdev``, ``-audiodev``.

    ``command`` is that command (``blockdev-add``), the authority on the value; ``implied`` the member that
    a first word without ``=`` stands for.  ``places`` names the XML behind single members.
    """

    flag: str
    command: str
    implied: str
    value: Mapping[str, Value]
    place: Origin
    places: Mapping[str, Origin] = field(default_factory=dict)


@dataclass(slots=True)
class Keyval:
    """An option with keys: ``-machine pc,usb=off``.  ``first`` is the word for the implied key, or empty.

    ``group`` is the option's name in ``query-command-line-options``, where that differs from its flag.
    """

    flag: str
    first: str
    pairs: tuple[Property, ...]
    place: Origin
    group: str = ""


@dataclass(slots=True)
class Plain:
    """An option with one word (``-uuid``), or none (``-nodefaults``); one without may have needs all the same."""

    flag: str
    value: str | None
    place: Origin
    needs: tuple[Need, ...] = ()


Option: TypeAlias = DeviceOption | Global | Object | Qapi | Keyval | Plain


@dataclass(slots=True)
class Raw:
    """An option that somebody else wrote: its ``words`` stand in the argv as they are.

    ``option`` is how QEMU reads them, and what is checked; None where QEMU's parser would not take them.
    """

    words: tuple[str, ...]
    option: Option | None
    place: Origin


def is_meant(option: Option | Raw) -> bool:
    """Whether it is one of those of :func:`meant`."""
    return not isinstance(option, Raw) or option.option is not None


def meant(options: Iterable[Option | Raw]) -> list[Option]:
    """The options as they are checked: what was written by others is taken for what QEMU reads in it."""
    read = (option.option if isinstance(option, Raw) else option for option in options)
    return [option for option in read if option is not None]
