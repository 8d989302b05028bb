"""The text of a ``.replies`` file: JSON values, a command and its reply in turn.

Nine in ten of the properties that the types of a QEMU list are written as those of another type were, letter by
letter, and four in ten of the lists.  So a list of properties that is written as libvirt and prober write it is read
object by object, and each text of a list or of an object once.  All else is read by Python's parser, and so is such a
list where there is anything odd about it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from pydantic_core import from_json

from prober.errors import RecordingError

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

#: How a QEMU is asked for the properties of a type, the fuller answer first (qom-list-properties: since 2.12).
PROPERTY_COMMANDS: Final = ("qom-list-properties", "device-list-properties")

_WHITE_SPACE = re.compile(r"[ \t\r\n]*")

# A reply that lists objects, in JSON that is indented by two spaces: what is before, between and after their members.
# Within a JSON text there is no line break, so these stand nowhere else.
_LIST_BEGINS = '{\n  "return": [\n    {\n'
_NEXT_OBJECT = "\n    },\n    {\n"
_LAST_ENDS = "\n    }\n  ]"
_LIST_ENDS = re.compile(r'\n    \}\n  \],\n  "id": "[\w-]*"\n\}', re.ASCII)


def pairs(text: str) -> Iterator[tuple[JsonValue, JsonValue, int]]:
    """Each command, its reply, and the place of the command in the text.

    Replies may have lists and objects in common, so nobody may change them.

    :raise RecordingError: where the text is not a series of JSON values of Unicode, or ends with a command; names the
        line.
    """
    reader = _Reader(text)
    while reader.has_more():
        place = reader.place
        command = reader.value()
        if not reader.has_more():
            raise RecordingError(f"line {line_of(text, place)}: the last command has no reply")
        listed = reader.listed_objects() if _asks_for_properties(command) else None
        yield command, reader.value() if listed is None else {"return": listed}, place


def require_unicode(value: object) -> None:
    """Accept what was read of JSON with escapes in it, which may be for half of a surrogate pair (``\\ud800``).

    :raise UnicodeEncodeError: where there is one: no file and no socket can take it.
    """
    json.dumps(value, ensure_ascii=False).encode()


def line_of(text: str, place: int) -> int:
    """The number of the line that a place is in, from 1."""
    return text.count("\n", 0, place) + 1


def _asks_for_properties(command: JsonValue) -> bool:
    return isinstance(command, dict) and command.get("execute") in PROPERTY_COMMANDS


class _Reader:
    """Reads one value after the other; ``place`` is where the next one begins once :meth:`has_more` was asked."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decoder = json.JSONDecoder()
        self._lists = _ByText()
        self._lists_are_plain = True
        self.place = 0

    def has_more(self) -> bool:
        """Whether there is anything but white space left."""
        found = _WHITE_SPACE.match(self._text, self.place)
        assert found is not None
        self.place = found.end()
        return self.place < len(self._text)

    def value(self) -> JsonValue:
        """The next value.

        :raise RecordingError: where it is no JSON, or has text that nobody can write again.
        """
        value: JsonValue
        try:
            value, end = self._decoder.raw_decode(self._text, self.place)
            if self._text.find("\\u", self.place, end) >= 0:
                require_unicode(value)
            self.place = end
        except UnicodeEncodeError as error:
            said = "a text that is no Unicode, half of a surrogate pair"
            raise RecordingError(f"line {line_of(self._text, self.place)}: {said}") from error
        except ValueError as error:
            raise RecordingError(f"line {line_of(self._text, self.place)}: not JSON: {error}") from error
        except RecursionError as error:
            raise RecordingError(f"line {line_of(self._text, self.place)}: nested too deeply") from error
        return value

    def listed_objects(self) -> list[JsonValue] | None:
        """The objects that the next value, a reply, lists; None where that is not read here.

        After the first oddity no list is, so that no text makes this look for the end of a list again and again.
        """
        if not self._lists_are_plain or not self._text.startswith(_LIST_BEGINS, self.place):
            return None
        begin = self.place + len(_LIST_BEGINS)
        end = _end_of_list(self._text, begin)
        ended = _LIST_ENDS.match(self._text, end)
        try:
            if ended is not None:
                listed = self._lists[self._text[begin:end]]
                self.place = ended.end()
                return listed
        except ValueError:
            pass  # Python's parser will say what is wrong, and where.
        self._lists_are_plain = False
        return None


def _end_of_list(text: str, begin: int) -> int:
    """Where the first list after ``begin`` ends that ends as one of objects does; the end of the text if none does.

    By way of the brackets, which are rare, as this is a third of the time of looking for all of it.
    """
    bracket = text.find("]", begin)
    while bracket >= 0 and not text.endswith(_LAST_ENDS, begin, bracket + 1):
        bracket = text.find("]", bracket + 1)
    return bracket + 1 - len(_LAST_ENDS) if bracket >= 0 else len(text)


class _ByText(dict[str, list[JsonValue]]):
    """Lists of objects by what is written from within the first to within the last, each made when first looked up.

    :raise ValueError: where that is not the text of one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._objects = _ByMembers()

    def __missing__(self, text: str) -> list[JsonValue]:
        made = self[text] = [self._objects[members] for members in text.split(_NEXT_OBJECT)]
        return made


class _ByMembers(dict[str, JsonValue]):
    """Objects by the text between their braces, each made when it is first looked up.

    :raise ValueError: where that is not the text of one.
    """

    def __missing__(self, members: str) -> JsonValue:
        # pydantic's parser takes nothing that Python's does not, and makes the same of it, in half of the time.
        made: JsonValue = from_json(f"{{{members}}}")
        self[members] = made
        return made
