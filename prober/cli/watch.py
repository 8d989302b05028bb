"""``prober watch``: changes in what a service knows, as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from prober.cli import output
from prober.cli.answerer import Json
from prober.cli.choosing import choose_socket
from prober.cli.options import Json as JsonOption
from prober.cli.options import Socket
from prober.cli.remote import check_reply
from prober.errors import ServiceError
from prober.service.client import NOTHING, Client
from prober.service.routes import CHANGES, Route

#: How long (seconds) one question waits, and how long a service that has gone is waited for.
_WAIT_S = 30
_AWAY_S = 30.0
_RETRY_S = 0.5


def watch_command(
    socket: Socket = None,
    json: JsonOption = False,
    past: Annotated[bool, typer.Option("--past", help="Begin with the changes that the service remembers.")] = False,
    count: Annotated[int, typer.Option("--count", metavar="N", min=0, help="End after so many; 0: never.")] = 0,
) -> None:
    """With `--json` each change is one line.  Ctrl-C ends it.

    Example: `prober watch --json`
    """
    tell_changes(follow(Client(choose_socket(socket)), past=past), count, None if json else format_change)


def tell_changes(changes: Iterable[Json], count: int, words: Callable[[Json], str] | None) -> None:
    """Write each change as it comes, in words or, without them, as a line of JSON; ``count`` of them (0: all)."""
    for change in islice(changes, count or None):
        output.write(output.one_line_json(change) if words is None else words(change))


def follow(client: Client, *, past: bool, route: Route = CHANGES) -> Iterator[Json]:
    """The changes of a route as they come, without an end; ``{"kind": "reset"}`` where some may be missing.

    :raise ServiceError: where there is no service, or none any more.
    """
    told = check_reply(client.ask(route))
    yield from told["changes"] if past else ()
    while True:
        told = _ask(client, route, str(told["id"]))
        if told["reset"]:
            yield {"kind": "reset", "id": told["id"]}
        yield from told["changes"]


def format_change(change: dict[str, Any]) -> str:
    """A change in a line, and what differs in a second one.

    >>> print(format_change({"kind": "reset"}))
    changes may be missing: look at everything anew
    """
    if change["kind"] == "reset":
        return "changes may be missing: look at everything anew"
    at = time.strftime("%H:%M:%S", time.localtime(change["at"]))
    lines = [f"{at} {change['kind']} {change['binary']}" + (f": {change['said']}" if change["said"] else "")]
    if (difference := change["difference"]) is not None:
        groups = [
            f"{name} " + ", ".join(f"{number} {kind}" for kind, number in kinds.items())
            for name, kinds in difference["counts"].items()
        ]
        versions = f"QEMU {difference['before']} -> {difference['now']}"
        lines.append(f"{' ' * len(at)} {versions}: {'; '.join(groups) or 'no difference'}")
    return "\n".join(lines)


def _ask(client: Client, route: Route, since: str) -> Any:
    """What came since then; a service that is being started again is waited for.

    :raise ServiceError: where it does not come back.
    """
    until: float | None = None
    while True:
        try:
            return check_reply(client.ask(route, NOTHING, {"since": since, "wait": str(_WAIT_S)}))
        except ServiceError:
            until = until or time.monotonic() + _AWAY_S
            if time.monotonic() > until:
                raise
            client.close()
            time.sleep(_RETRY_S)
