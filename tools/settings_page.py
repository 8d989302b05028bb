"""Write the tables of docs/settings.md from the models of a host and of the service: ``make docs``.

The words are the comments that stand above the fields; a field without one shares that of the field before it.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from prober.capabilities.find import CatalogSettings
from prober.host import host
from prober.qemu.limits import InterviewLimits
from prober.service.configuration import environment_name
from prober.service.settings import FleetSettings, ServiceSettings
from tools.pages import as_markdown, put_between_marks

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

#: The service's own, each with the keys above it.
SERVICE: tuple[tuple[type[BaseModel], str], ...] = (
    (ServiceSettings, ""),
    (CatalogSettings, "catalog"),
    (InterviewLimits, "catalog.limits"),
    (FleetSettings, "fleet"),
)

#: Defaults of the service that are written, or come about, in another way.
DEFAULTS = {"mode": "`0o660`", "catalog.cache_dir": '`"/var/cache/prober"`'}

OF_THE_SERVICE = """
# The service's own settings

`/etc/prober/prober.toml`, or the file that `--config` names, has them; `packaging/prober.toml` shows the usual ones
with their defaults. A variable of the environment stands over the file, and an option of `prober serve` over both. In
a variable a list is written as in `PATH` (`/a:/b`) or as JSON, and a table may be JSON as a whole (`PROBER_CATALOG`).

`prober config --show` prints each with where it was told. `prober config --check` tells all that is wrong with them,
each with its file, line and key, and what to do; a variable that looks like a setting and is none is told of too.

`systemctl reload prober` (SIGHUP) has a running service read them anew, without dropping a connection or an
interview: what is new in the catalog is found and what is gone is dropped. Where something is wrong everything stays
as it was, and the log and the unit's status say what. `socket`, `mode`, `group` and `catalog.cache_dir` take a
restart, which both name. Limits of connections hold for those that are made from then on, and the prover's own
settings from its next start. What stands below `[fleet]` is for `prober fleet serve`, which heeds the limits of
connections as well ([fleet.md](fleet.md#over-a-network))."""

#: The models of a host, each with where it stands in the file.
TABLES: tuple[tuple[type[BaseModel], str], ...] = (
    (host.Settings, "[settings]"),
    (host.Host, "at the top"),
    (host.Network, "[networks.NAME]"),
    (host.Pool, "[[pools]]"),
    (host.Volume, "[[pools.volumes]]"),
    (host.Confidential, "[confidential]"),
    (host.HostCpu, "[cpu]"),
)


def render_page(page: str) -> str:
    """The page with its tables written anew."""
    lines = [line for model, where in TABLES for line in _table(model, where)]
    lines += OF_THE_SERVICE.splitlines()
    lines += [line for model, above in SERVICE for line in _service_table(model, above)]
    return put_between_marks(page, "\n".join(lines))


def _service_table(model: type[BaseModel], above: str) -> Iterator[str]:
    """The keys of one table; those that are tables themselves have one of their own."""
    words = comments_of(model)
    yield from ("", f"## `[{above}]`" if above else "## At the top of prober.toml", "")
    yield from (as_markdown(inspect.cleandoc(model.__doc__ or "")), "")
    yield from ("| key | environment | default | what |", "| --- | --- | --- | --- |")
    for name, info in model.model_fields.items():
        if isinstance(info.default, BaseModel):
            continue
        key = f"{above}.{name}" if above else name
        default = DEFAULTS.get(key) or shown_value(info.default)
        yield f"| `{name}` | `{environment_name(key)}` | {default} | {as_markdown(words[name])} |"


def _table(model: type[BaseModel], where: str) -> Iterator[str]:
    words = comments_of(model)
    yield from ("", f"## `{where}`" if where.startswith("[") else f"## {where.capitalize()}", "")
    paragraphs = as_markdown(inspect.cleandoc(model.__doc__ or ""))
    yield from (paragraphs, "", "| key | default | what |", "| --- | --- | --- |")
    for name, info in model.model_fields.items():
        if model is host.Host and name == "settings":
            continue
        default = "" if info.is_required() else shown_value(info.default)
        text = as_markdown(words.get(name, ""))
        yield f"| `{name}` | {default} | {text} |"


def shown_value(value: object) -> str:
    """A default as Markdown."""
    if isinstance(value, Path):
        return f'`"{value}"`'
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


def comments_of(model: type[BaseModel]) -> dict[str, str]:
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
