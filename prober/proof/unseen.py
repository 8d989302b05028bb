"""What the check refuses of a line, and the QEMU that was started did not see, as something stands in for it.

A QEMU that stands proves nothing about what it never read: a netdev that leads nowhere has none of a tap's members.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from prober.commandline.refusal import Kind
from prober.commandline.report import ArgvFinding
from prober.proof.bench import Bench
from prober.proof.given import Given, given_options


def unseen_error(findings: Iterable[ArgvFinding], words: Sequence[str], bench: Bench) -> ArgvFinding | None:
    """The first error of the check that is about what was replaced or left out; None where QEMU has seen it all."""
    given = {option.position: option for option in given_options([*words])}
    started: dict[int, Given] = {}
    for option in bench.line:
        started.setdefault(option.position, option)
    for finding in findings:
        if finding.kind is not Kind.error:
            continue
        before, after = given.get(finding.position), started.get(finding.position)
        if before is not None and after is not None and not _is_seen(finding.part, before, after):
            return finding
    return None


def _is_seen(part: str, before: Given, after: Given) -> bool:
    """Whether QEMU was given the option as it was, or this part of it."""
    if before.words() == after.words():
        return True
    if not part or after.is_left_out:
        return False
    value = _value(before, part)
    return value is not None and value == _value(after, part)


def _value(option: Given, part: str) -> JsonValue:
    """A member, by its path."""
    members = option.members
    if members is None:
        return None
    if (value := members.value(part)) is not None:
        return value
    *path, last = part.split(".")
    for name in path:
        members = members.inner(name)
        if members is None:
            return None
    return members.value(last)
