"""Where the settings of the service come from, and what is wrong with them.

    command line  before  environment  before  TOML file  before  defaults

A key has one name in all of them: ``catalog.poll_s`` in the file is ``poll_s`` below ``[catalog]``, and
``PROBER_CATALOG__POLL_S`` in the environment.  All problems of all sources are found in one go, each with its place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from prober.capabilities.facts import did_you_mean, nearest
from prober.capabilities.find import CatalogSettings
from prober.errors import SettingsError
from prober.host.own_places import is_ordinary, own_cache, own_file, own_socket
from prober.service.logs.text import harmless
from prober.service.settings import (
    DEFAULT_CACHE,
    DEFAULT_FILE,
    DELIMITER,
    LACKING,
    PREFIX,
    FleetSettings,
    ServiceSettings,
)
from prober.service.settings_file import SettingProblem, Told, parse_text, read_text
from prober.service.toml_lines import Lines, find_line, read_lines

#: Who said it.
SettingSource: TypeAlias = Literal["command line", "environment", "file", "default"]

#: The keys that are tables.
TABLES = ("catalog", "catalog.limits", "fleet")

_DEFAULTS: Told = {"catalog": {"cache_dir": DEFAULT_CACHE}}


def _defaults() -> Told:
    """What holds where nobody says anything: an ordinary user has places of his own, and no prover."""
    if not is_ordinary():
        return _DEFAULTS
    return {"socket": own_socket(), "prover_socket": "", "catalog": {"cache_dir": own_cache()}}


def _usual_file() -> Path:
    """The user's own file, where he has one, else that of the host."""
    return own if is_ordinary() and (own := own_file()).exists() else DEFAULT_FILE


#: What else is read of the environment by prober, its tests and its tools.
_OTHER_VARIABLES = frozenset(
    ("PROBER_DEBUG", "PROBER_ROOTS", "PROBER_NO_SKIP", "PROBER_KERNEL", "PROBER_BUSYBOX", "PROBER_PROMTOOL",
     "PROBER_LIBVIRT_DATA", "PROBER_BENCH_PARENT", "PROBER_REWRITE_CASES", "PROBER_VM_PATIENCE", "PROBER_LOOP_CPU",
     "PROBER_LIBVIRT_SCHEMA", "PROBER_FLEET_STORE", "PROBER_FLEET_CREDENTIALS", "PROBER_FLEET_NAME",
     "PROBER_FLEET_LABELS", "PROBER_AGENT_STATUS", "PROBER_REPLIES")
)  # fmt: skip

#: The keys whose values are lists.
_LISTS = frozenset(
    name
    for table in (CatalogSettings, FleetSettings)
    for name, field in table.model_fields.items()
    if isinstance(field.default, tuple)
)

#: So many problems are told.
_MOST_TOLD = 100
#: So much of a wrong value is told (characters).
_SHOWN = 60
#: A table has no such key, or a key that is needed is not there.
_EXTRA = "extra_forbidden"
_PAGE = "docs/settings.md has all of them"


class ToldSetting(NamedTuple):
    """One setting as it holds: its key, its value as JSON has it, who said so, and where that stands."""

    key: str
    value: Any
    source: SettingSource
    where: str


@dataclass(frozen=True)
class Configuration:
    """All that is told, from all sources.

    ``settings`` is None where there are ``problems``.  ``file`` is the one that was read, None without one.
    ``unknown`` are variables of the environment that look as if they were meant for a setting, and are none.
    """

    settings: ServiceSettings | None
    problems: tuple[SettingProblem, ...]
    told: tuple[ToldSetting, ...]
    file: Path | None
    unknown: tuple[SettingProblem, ...] = ()


def load_settings(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> ServiceSettings:
    """The settings, from a TOML file, the environment, and ``overrides`` of the command line (``catalog`` key by key).

    Without ``file`` it is :data:`~prober.service.settings.DEFAULT_FILE`, which need not exist.  Blocks.

    :raise SettingsError: with all problems, where something cannot be read or is not understood.
    """
    read = read_configuration(file, overrides)
    if read.settings is None:
        raise settings_error(read.problems)
    return read.settings


def settings_error(problems: tuple[SettingProblem, ...]) -> SettingsError:
    """All problems as one error."""
    said = tuple(map(str, problems))
    if len(problems) == 1:
        only = problems[0]
        words = str(only._replace(hint=""))
        message = words if only.unreadable else f"the settings are wrong: {words}"
        return SettingsError(message, hint=only.hint, problems=said)
    lines = "".join(f"\n  {problem}" for problem in said)
    return SettingsError(f"the settings are wrong in {len(problems)} places:{lines}", problems=said)


def read_configuration(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Configuration:
    """All that is told, as :func:`load_settings` has it, with where each value is from.  Blocks, and never raises."""
    path = _usual_file() if file is None else file
    text, problem = read_text(path, needed=file is not None)
    in_file, problem = parse_text(path, text) if problem is None else ({}, problem)
    in_environment, put_together = _environment()
    sources = _Sources(dict(overrides or {}), in_environment, in_file, path, read_lines(text or ""))
    problems = [] if problem is None else [problem]
    settings = None
    try:
        settings = put_together(sources.command_line, sources.environment, sources.file, _defaults())
    except ValidationError as error:
        problems += _explain_all(error, sources)
    told = () if settings is None or problems else tuple(_tell(settings, sources))
    return Configuration(
        None if problems else settings,
        tuple(problems),
        told,
        None if text is None else path,
        tuple(_unknown_variables()),
    )


def _environment() -> tuple[Told, Callable[..., ServiceSettings]]:
    """What the environment tells, and who puts it together with all else."""
    tables = tuple(f"{environment_name(table)}{DELIMITER}" for table in TABLES)
    known = _variables()
    if not any(name in known or name.startswith(tables) for name in map(str.upper, os.environ)):
        return {}, merge_settings
    # Imported late: most services are told nothing so, and are ready earlier.
    from prober.service.environment import put_together, told_by_environment

    return told_by_environment(), put_together


def merge_settings(*told: Told) -> ServiceSettings:
    """As :func:`prober.service.environment.put_together`, without what that takes to load.

    :raise pydantic.ValidationError: with all that is wrong.
    """
    merged: Told = {}
    for one in reversed(told):
        merged = _merge(merged, one)
    return ServiceSettings.model_validate(merged)


def _merge(below: Told, above: Told) -> Told:
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        merged[name] = _merge(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def environment_name(key: str) -> str:
    """The variable of the environment for a key: ``PROBER_CATALOG__POLL_S`` for ``catalog.poll_s``."""
    return PREFIX + key.replace(".", DELIMITER).upper()


def _variables() -> frozenset[str]:
    """The variables of all settings, and of the tables as a whole."""
    return frozenset(map(environment_name, (*setting_keys(), *TABLES)))


def setting_keys(model: type[BaseModel] = ServiceSettings, above: str = "") -> Iterator[str]:
    """The keys of all settings, in their order: ``socket``, ``catalog.limits.total_s``."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from setting_keys(inner, f"{above}{name}.")
        else:
            yield above + name


class _Sources(NamedTuple):
    """What each source tells, and on which lines the file has it."""

    command_line: Told
    environment: Told
    file: Told
    path: Path
    lines: Lines

    def find(self, path: tuple[str, ...]) -> tuple[SettingSource, str]:
        """Who tells of a key, and where that stands."""
        if _has(self.command_line, path):
            return "command line", "command line"
        if _has(self.environment, path):
            return "environment", self._variable(path)
        if _has(self.file, path):
            line = find_line(self.lines, path)
            return "file", f"{self.path}:{line}" if line else str(self.path)
        return "default", "default"

    @staticmethod
    def _variable(path: tuple[str, ...]) -> str:
        """The variable that is set: that of the key, or that of a table above it, as JSON."""
        known = {name.upper() for name in os.environ}
        names = [environment_name(".".join(path[:length])) for length in range(len(path), 0, -1)]
        return next((name for name in names if name in known), names[0])


def _explain_all(error: ValidationError, sources: _Sources) -> list[SettingProblem]:
    """All that the validation says, by its place; of what is far too much the first.

    What may have been meant is looked for in each of them, which takes longer than all else.
    """
    details = error.errors(include_url=False, include_context=False)
    places = [sources.find(_path_of(detail))[1] for detail in details]
    order = sorted(range(len(details)), key=lambda number: _by_place(places[number]))
    told = [_explain(details[number], places[number]) for number in order[:_MOST_TOLD]]
    if left := len(details) - len(told):
        told.append(SettingProblem(places[order[_MOST_TOLD]], "", f"and {left} more from here on"))
    return told


def _path_of(detail: ErrorDetails) -> tuple[str, ...]:
    return tuple(str(part) for part in detail["loc"] if not isinstance(part, int))


def _explain(detail: ErrorDetails, where: str) -> SettingProblem:
    """What the validation says, in the words of who wrote it."""
    path = _path_of(detail)
    key = harmless(".".join(path), _SHOWN)
    if detail["type"] == _EXTRA:
        return SettingProblem(where, key, "there is no such setting", _near(path))
    if detail["type"] == LACKING:
        return SettingProblem(where, key, detail["msg"], _PAGE)
    if detail["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return SettingProblem(where, key, f"{key} is not a table", f"write its keys below [{key}]")
    said = detail["msg"].partition(",")[0].replace("Input should be", "it has to be").replace("a valid tuple", "a list")
    shown = repr(detail["input"])
    if key == "mode":
        said, shown = (
            "it has to be from 0 to 0o777",
            oct(detail["input"]) if isinstance(detail["input"], int) else shown,
        )
    told = f"{said[:1].lower()}{said[1:]}, not {harmless(shown, _SHOWN)}"
    return SettingProblem(where, key, told, _form_of(key, where))


def _by_place(where: str) -> tuple[str, int]:
    place, _, line = where.rpartition(":")
    return (place, int(line)) if line.isdigit() else (where, 0)


def _near(path: tuple[str, ...]) -> str:
    """The keys that may have been meant, wherever they belong."""
    keys, name = list(setting_keys()), path[-1]
    elsewhere = [key for key in keys if key.rpartition(".")[2] == name]
    if elsewhere:
        table = elsewhere[0].rpartition(".")[0]
        return f"it belongs below [{table}]" if table else "it belongs at the top, above all tables"
    above = ".".join(path[:-1])
    siblings = [key.rpartition(".")[2] for key in keys if key.rpartition(".")[0] == above]
    return did_you_mean(nearest(name, siblings)) or _nearest_key(name, keys) or _PAGE


def _nearest_key(name: str, keys: list[str]) -> str:
    """The key of another table that is most like this one."""
    near = nearest(name, {key.rpartition(".")[2] for key in keys}, 1)
    return did_you_mean(key for key in keys if key.rpartition(".")[2] in near)


def _form_of(key: str, where: str) -> str:
    """How such a value is written."""
    if key.rpartition(".")[2] in _LISTS:
        return "a list is written A:B, or as JSON" if where.startswith(PREFIX) else 'a list is written ["A", "B"]'
    return "the rights are written 0o660" if key == "mode" else _PAGE


def _tell(settings: ServiceSettings, sources: _Sources) -> Iterator[ToldSetting]:
    values = settings.model_dump(mode="json")
    for key in setting_keys():
        path = tuple(key.split("."))
        value: Any = values
        for part in path:
            value = value[part]
        teller, where = sources.find(path)
        yield ToldSetting(key, value, teller, where)


def _unknown_variables() -> Iterator[SettingProblem]:
    """Variables that look like settings and are none: nothing heeds them."""
    known = _variables()
    for name in sorted(os.environ):
        upper = name.upper()
        # Of the tables below, the validation says what is not known.
        if upper.startswith(PREFIX) and upper not in known | _OTHER_VARIABLES and DELIMITER not in upper:
            near = did_you_mean(nearest(upper, known)) or _PAGE
            yield SettingProblem(name, "", "there is no such setting, and nothing heeds it", near)


def _has(told: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    value: Any = told
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            # A wrong value in the place of a table is the file's all the same.
            return value is not told and not isinstance(value, Mapping)
        value = value[part]
    return True
