"""The settings as one model of pydantic-settings: command line before environment before file before defaults.

Imported late, by whoever has a variable of ours in his environment: it takes 50 ms, a tenth of a service's start.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from prober.service.settings import DELIMITER, PREFIX, ServiceSettings

#: What is told beside the environment, and what that tells: in the order in which they are believed.
_GATHERED: ContextVar[tuple[dict[str, Any], ...]] = ContextVar("gathered", default=())


class ConfiguredSettings(ServiceSettings, BaseSettings):
    """The settings, put together from what :func:`put_together` is given."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter=DELIMITER)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was gathered, the one that is believed first in front."""
        return tuple(InitSettingsSource(settings_cls, told) for told in _GATHERED.get())


class _Environment(EnvSettingsSource):
    """``PROBER_SOCKET=…``; a list of paths is written as in ``PATH``, with colons, or as JSON."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """A list or a table; what is neither is left as it is, for the validation to refuse."""
        if value[:1] in ("[", "{"):
            try:
                return json.loads(value)
            except (ValueError, RecursionError):
                return value
        return value.split(":") if "tuple" in str(field.annotation) else value


def told_by_environment() -> dict[str, Any]:
    """What the variables of the environment say, by the keys of the settings."""
    return _Environment(ConfiguredSettings)()


def put_together(*told: dict[str, Any]) -> ServiceSettings:
    """The settings, of what is told; what comes first is believed first, tables key by key.

    :raise pydantic.ValidationError: with all that is wrong.
    """
    token = _GATHERED.set(told)
    try:
        made = ConfiguredSettings()
    finally:
        _GATHERED.reset(token)
    values = {name: getattr(made, name) for name in ServiceSettings.model_fields}
    return ServiceSettings.model_construct(made.model_fields_set, **values)
