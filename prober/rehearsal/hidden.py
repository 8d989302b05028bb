"""No secret of a line, or of what is plugged in, is told."""

from __future__ import annotations

from typing import Any

from prober.proof.given import Given, given_options
from prober.proof.secrets import hide, secrets_of
from prober.rehearsal.commands import as_option
from prober.rehearsal.plug_models import PlugRehearsal, PlugRequest


def without_secrets(answer: PlugRehearsal, request: PlugRequest) -> PlugRehearsal:
    """The same, with no secret of the request in any of its texts."""
    options = [Given(0, *option) for command in request.commands if (option := as_option(command)) is not None]
    secrets = secrets_of([*given_options([*request.words]), *options])
    if not secrets:
        return answer
    return PlugRehearsal.model_validate(_hidden(answer.model_dump(mode="json"), secrets))


def _hidden(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, str):
        return hide(value, secrets)
    if isinstance(value, list):
        return [_hidden(item, secrets) for item in value]
    if isinstance(value, dict):
        return {name: _hidden(item, secrets) for name, item in value.items()}
    return value
