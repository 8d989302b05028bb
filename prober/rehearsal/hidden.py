"""No secret of a line, or of what is plugged in, is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Literal, TypeVar, get_origin

from pydantic import BaseModel

from prober.commandline.qmp import QmpCommand
from prober.proof.given import Given, given_options
from prober.proof.secrets import hide, secrets_of
from prober.rehearsal.commands import as_option

M = TypeVar("M", bound=BaseModel)


def secrets_in(words: Iterable[str], commands: Iterable[QmpCommand] = ()) -> frozenset[str]:
    """All secrets of a line, and of commands that are sent to its machine."""
    options = [Given(0, *option) for command in commands if (option := as_option(command)) is not None]
    return secrets_of([*given_options([*words]), *options])


def without_secrets(answer: M, secrets: frozenset[str]) -> M:
    """The same, with no secret in any of its texts; words of a model's own (verdicts and the like) stay."""
    return _of_model(answer, secrets) if secrets else answer


def _of_model(model: M, secrets: frozenset[str]) -> M:
    fields = type(model).model_fields
    update = {
        name: _hidden(value, secrets)
        for name, value in model
        if name in fields and get_origin(fields[name].annotation) is not Literal
    }
    return model.model_copy(update=update)


def _hidden(value: Any, secrets: frozenset[str]) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return hide(value, secrets)
        case BaseModel():
            return _of_model(value, secrets)
        case list() | tuple():
            return type(value)(_hidden(item, secrets) for item in value)
        case Mapping():
            return {_hidden(name, secrets): _hidden(item, secrets) for name, item in value.items()}
        case _:
            return value
