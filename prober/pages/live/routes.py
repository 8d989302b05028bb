"""What the page asks of its own server, a row each, as the service's are (:mod:`prober.service.routes`).

What starts no QEMU is asked as one types; what does (``prove``, ``refresh``, ``plug``, ``migrate``) is asked by a click
alone.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel

from prober.capabilities.entry import Entry
from prober.proof.models import Proof
from prober.rehearsal.plug_models import PlugRehearsal
from prober.rehearsal.told import MigrationList
from prober.service import routes
from prober.service.routes import Parameter, Route

_BINARY = Parameter("binary", "id of an entry of the service", needed=True)
_ASSUME = Parameter("assume", "take what the binary was never asked for present", "boolean")


def _of_page(name: str, method: str, path: str, summary: str, *query: Parameter) -> Route:
    return Route(name, method, path, summary, "", query=query)


PAGE = _of_page("page", "GET", "/", "The page, which holds nothing of a QEMU or a domain")
STATIC = _of_page("static", "GET", "/static/{name}", "A script or style of it")
SESSION = _of_page("session", "POST", "/session", "The token of the address, once, for a cookie")
BOOK = _of_page("book", "GET", "/api/book", "All that is known of the service's QEMUs")
ENTRIES = _of_page("entries", "GET", "/api/binaries", "The service's entries, and what it can be asked")
CHECK = _of_page("check", "POST", "/api/check", "What is said of a domain or a line", _BINARY, _ASSUME)
NEWS = _of_page(
    "news",
    "GET",
    "/api/changes",
    "What changed since an id",
    Parameter("since", "id of the last change that the page has"),
    Parameter("wait", "how many seconds to wait for one", "number"),
)
PROVE = _of_page("prove", "POST", "/api/prove", "What the binary makes of it", _BINARY, _ASSUME)
REFRESH = _of_page("refresh", "POST", "/api/refresh", "Ask a binary again", _BINARY)
PLUG = _of_page("plug", "POST", "/api/plug", "Rehearse that devices are plugged in", _BINARY, _ASSUME)
MIGRATE = _of_page(
    "migrate", "POST", "/api/migrate", "Rehearse a migration", _BINARY, Parameter("to", "where it goes", needed=True)
)

#: Without a session: they hold nothing that is not the package's own.
OPEN = (PAGE, STATIC, SESSION)
UI_ROUTES = (*OPEN, BOOK, ENTRIES, CHECK, NEWS, PROVE, REFRESH, PLUG, MIGRATE)


class Forwarded(NamedTuple):
    """A question that only goes to the service and back: the path there, and the model of its answer."""

    path: str
    model: type[BaseModel]


#: By the names of the page's own routes.  A service that has no such route says so.
FORWARDED = {
    PROVE.name: Forwarded(routes.PROVE.path, Proof),
    REFRESH.name: Forwarded(routes.REFRESH.path, Entry),
    PLUG.name: Forwarded(routes.PLUG.path, PlugRehearsal),
    MIGRATE.name: Forwarded(routes.MIGRATE.path, MigrationList),
}
