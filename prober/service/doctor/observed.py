"""What is observed, as models, and who observes."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

#: ``ok``: as it should be.  ``notice``: worth to know, and may be meant so.  ``problem``: something is to be done.
Level: TypeAlias = Literal["ok", "notice", "problem"]

#: What is looked at, in the order in which it is told.
Topic: TypeAlias = Literal[
    "service",
    "socket",
    "settings",
    "binaries",
    "modules",
    "kvm",
    "groups",
    "cache",
    "confinement",
    "firmware",
    "helpers",
    "agent",
]


class Observation(BaseModel):
    """One thing that was looked at.

    ``what`` was found, ``where`` (a path, a setting, a binary; empty where there is no place), ``why`` it matters and
    what to do about it (``todo``): both are empty where all is well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: Topic
    level: Level
    what: str
    where: str = ""
    why: str = ""
    todo: str = ""


def observe(topic: Topic, level: Level, what: str, where: object = "", why: str = "", todo: str = "") -> Observation:
    """An observation, its parts in this order."""
    return Observation(topic=topic, level=level, what=what, where=str(where), why=why, todo=todo)


class SeenBy(BaseModel):
    """Who looked: the service or the command, and the user and groups that it has, by name where there is one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["service", "command"]
    user: str
    groups: tuple[str, ...]


class HostReport(BaseModel):
    """All that one observer sees.  ``problems`` is how many of the findings are problems."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seen_by: SeenBy
    problems: int
    findings: tuple[Observation, ...]


def report_of(kind: Literal["service", "command"], findings: Iterable[Observation]) -> HostReport:
    """The report of this process."""
    all_found = tuple(findings)
    problems = sum(found.level == "problem" for found in all_found)
    return HostReport(seen_by=ourselves(kind), problems=problems, findings=all_found)


def ourselves(kind: Literal["service", "command"]) -> SeenBy:
    """This process."""
    gids = dict.fromkeys((os.getegid(), *os.getgroups()))
    return SeenBy(kind=kind, user=user_name(os.geteuid()), groups=tuple(map(group_name, gids)))


def listed(names: Sequence[str], most: int) -> str:
    """The first of these names, and how many more there are: ``a, b and 3 more``."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def user_name(uid: int) -> str:
    """The name of a user, or its number where it has none.  Blocks."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The name of a group, or its number where it has none.  Blocks."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
