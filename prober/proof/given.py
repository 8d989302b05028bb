"""The options of a line as they were given, each of which may be changed before it is started."""

from __future__ import annotations

from prober.commandline.json_text import has_too_many_levels, read_json
from prober.commandline.parse import implied_key, split_options
from prober.proof.members import JsonMembers, Members, PairMembers

#: The options whose value some QEMU from 5.2 to 11.1 reads as JSON; ``{`` is a letter like others to the rest.
_IN_JSON = frozenset(("-audiodev", "-blockdev", "-chardev", "-compat", "-device", "-display", "-netdev", "-object"))


class Given:
    """One option: its ``flag`` (empty for a word by itself, a disk image), and its value.

    ``position`` is the index of the word that holds the flag, in the line that was given.  ``members`` are those of the
    value where it has any (a JSON object, or ``key=value``), else None.  What is not changed is started as it was
    written, letter by letter.
    """

    def __init__(self, position: int, flag: str, value: str | None) -> None:
        self.position = position
        self.flag = flag
        self.value = value
        #: Whether it is started at all.
        self.is_left_out = False
        self._members: Members | None = None
        self._is_read = False

    @property
    def members(self) -> Members | None:
        """The members of the value; read once, so a change of them is a change of the option."""
        if not self._is_read:
            self._is_read = True
            self._members = self._read()
        return self._members

    @property
    def is_too_deep(self) -> bool:
        """Whether it has more levels than are looked into; such a one has no members."""
        return self.value is not None and implied_key(self.flag) is not None and has_too_many_levels(self.value)

    def _read(self) -> Members | None:
        if self.value is None:
            return None
        implied = implied_key(self.flag)
        if implied is None or self.is_too_deep:
            return None
        if self.value.startswith("{") and self.flag in _IN_JSON:
            try:
                tree = read_json(self.value)
            except (ValueError, RecursionError):
                # No QEMU up to 11.1 reads a -chardev as JSON, whatever it begins with.
                return PairMembers.of(self.value, implied) if self.flag == "-chardev" else None
            return JsonMembers(tree) if isinstance(tree, dict) else None
        return PairMembers.of(self.value, implied)

    def change(self, value: str) -> None:
        """Have another value, as a whole."""
        self.value = value
        self._is_read = False

    def touch(self) -> None:
        """Take over what was changed of the members."""
        if isinstance(self._members, JsonMembers | PairMembers):
            self.value = self._members.render()

    def words(self) -> list[str]:
        """The words to start with; none where it is left out."""
        if self.is_left_out:
            return []
        words = [self.flag] if self.flag else []
        return words if self.value is None else [*words, self.value]

    @property
    def type(self) -> str:
        """What the implied key says (``tap`` of a ``-netdev``), empty where nothing does."""
        implied = implied_key(self.flag)
        return self.members.text(implied) if implied and self.members is not None else ""

    @property
    def id(self) -> str:
        """Its id (of a block node: its name), empty where it has none."""
        return "" if self.members is None else self.members.text("id") or self.members.text("node-name")


def given_options(words: list[str]) -> list[Given]:
    """The options of a line, whose first word is the binary."""
    return [Given(place.word, place.flag, value) for place, value in split_options(words)]
