"""Write the tables of docs/settings.md from the models of a host: ``make docs``.

The words are the comments that stand above the fields; a field without one shares that of the field before it.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from prober.host import host
from tools.pages import as_markdown, put_between_marks

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

#: The models, each with where it stands in the file.
TABLES: tuple[tuple[type[BaseModel], str], ...] = (
    (host.Settings, "[settings]"),
    (host.Host, "at the top"),
    (host.Network, "[networks.NAME]"),
    (host.Pool, "[[pools]]"),
    (host.Volume, "[[pools.volumes]]"),
    (host.HostCpu, "[cpu]"),
)


def render_page(page: str) -> str:
    """The page with its tables written anew."""
    tables = "\n".join(line for model, where in TABLES for line in _table(model, where))
    return put_between_marks(page, tables)


def _table(model: type[BaseModel], where: str) -> Iterator[str]:
    words = _comments(model)
    yield from ("", f"## `{where}`" if where.startswith("[") else f"## {where.capitalize()}", "")
    paragraphs = as_markdown(inspect.cleandoc(model.__doc__ or ""))
    yield from (paragraphs, "", "| key | default | what |", "| --- | --- | --- |")
    for name, info in model.model_fields.items():
        if model is host.Host and name == "settings":
            continue
        default = "" if info.is_required() else _shown(info.default)
        text = as_markdown(words.get(name, ""))
        yield f"| `{name}` | {default} | {text} |"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, dict):
        return ", ".join(f"`{name}`" for name in value)
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value) or "none"
    return f"`{value}`"


def _comments(model: type[BaseModel]) -> dict[str, str]:
    """The ``#:`` comment above each field, or that of the field before it."""
    lines = inspect.getsource(model).splitlines()
    (tree,) = ast.parse("\n".join(lines)).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    words = ""
    for node in tree.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        above: list[str] = []
        for line in reversed(lines[: node.lineno - 1]):
            if not line.strip().startswith("#:"):
                break
            above.insert(0, line.strip().removeprefix("#:").strip())
        blank = not lines[node.lineno - 2].strip()
        words = " ".join(above) if above or blank else words
        found[node.target.id] = words
    return found


def main() -> None:
    """Write the page."""
    PAGE.write_text(render_page(PAGE.read_text()))


if __name__ == "__main__":
    main()
