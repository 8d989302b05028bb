"""What prober is as a library: its public names with their signatures, as lines of text.

griffe reads the source, and imports nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import griffe

import prober
from tests.conftest import CHECKOUT

#: What pydantic's models have of their own, and nobody promises.
_NOT_OURS = {"model_config"}


def public_names() -> str:
    """A block for each name, in order of the alphabet."""
    package = griffe.load("prober", search_paths=[str(CHECKOUT)])
    blocks = []
    for name, where in sorted(prober._PUBLIC.items()):
        module, _, own = where.partition(":")
        found = package[f"{module.removeprefix('prober.')}.{own or name}"]
        if found.is_alias:
            found = found.final_target
        blocks.append("\n".join(_lines(name, found)))
    errors = package["errors"].members.values()
    trees = (_lines(f"errors.{one.name}", one) for one in errors if isinstance(one, griffe.Class))
    blocks += ["\n".join(lines) for lines in trees]
    return "\n\n".join(blocks) + "\n"


def _lines(name: str, found: griffe.Object | griffe.Alias) -> Iterator[str]:
    if isinstance(found, griffe.Function):
        yield f"{name}{_signature(found)}"
        return
    assert isinstance(found, griffe.Class), name
    bases = ", ".join(str(base) for base in found.bases)
    yield f"{name}({bases})"
    for member, one in found.members.items():
        is_special = member in ("__init__", "__enter__", "__aenter__")
        if (member.startswith("_") and not is_special) or member in _NOT_OURS or one.is_alias:
            continue
        if isinstance(one, griffe.Function):
            yield f"    {member}{_signature(one)}"
        elif isinstance(one, griffe.Attribute) and one.annotation is not None:
            yield f"    {member}: {_flat(str(one.annotation))}"
        elif isinstance(one, griffe.Attribute):
            yield f"    {member} = {_flat(str(one.value))}"


def _signature(found: griffe.Function) -> str:
    said = [_parameter(one) for one in found.parameters]
    kinds = [one.kind for one in found.parameters]
    if griffe.ParameterKind.keyword_only in kinds and griffe.ParameterKind.var_positional not in kinds:
        said.insert(kinds.index(griffe.ParameterKind.keyword_only), "*")
    how = "async " if "async" in found.labels else ""
    return f"({', '.join(said)}) -> {how}{_flat(str(found.returns))}"


def _parameter(one: griffe.Parameter) -> str:
    text = one.name if one.annotation is None else f"{one.name}: {_flat(str(one.annotation))}"
    return text if one.default is None else f"{text} = {_flat(str(one.default))}"


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)
