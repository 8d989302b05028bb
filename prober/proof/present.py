"""Whether what a line makes by name is there in the live machine: devices, block nodes, character devices."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pydantic import JsonValue

from prober.proof.given import Given
from prober.proof.layout import Layout
from prober.proof.models import LiveDifference

#: How a device's path begins that ``-device`` made with an id.
_PERIPHERAL = "/machine/peripheral/"


def not_there(line: list[Given], layout: Layout, nodes: JsonValue, chardevs: JsonValue) -> Iterator[LiveDifference]:
    """What the line was started with, and is not there.

    ``nodes`` and ``chardevs`` are the answers of ``query-named-block-nodes`` and ``query-chardev``; where one is none,
    nothing is said to be missing.
    """
    devices = {path for paths in layout.live.values() for path in paths if path.startswith(_PERIPHERAL)}
    known: Mapping[str, tuple[str, Collection[str] | None]] = {
        "-device": ("id", {path.removeprefix(_PERIPHERAL) for path in devices}),
        "-blockdev": ("node-name", _names(nodes, "node-name")),
        "-chardev": ("id", _names(chardevs, "label")),
    }
    for option in line:
        member, names = known.get(option.flag, ("", None))
        if option.is_left_out or names is None or option.members is None:
            continue
        name = option.members.text(member)
        if name and name not in names:
            yield LiveDifference(
                position=option.position, flag=option.flag, part=member, path=option.flag, given=name, got=None
            )


def _names(answer: JsonValue, member: str) -> set[str] | None:
    if not isinstance(answer, list):
        return None
    return {str(entry.get(member)) for entry in answer if isinstance(entry, Mapping)}
