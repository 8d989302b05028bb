"""The rows of the routes, against who answers them and who asks."""

from __future__ import annotations

import inspect

from prober.service import routes
from prober.service.answers import ANSWERS
from prober.service.app import Handlers
from prober.service.fleet.routes import ROUTES as FLEET_ROUTES
from prober.service.routes import (
    CAPABILITIES,
    COMMAND,
    DESCRIPTION,
    LABELS,
    PLACES,
    ROUTES,
    SUPPORTS,
    TRANSLATE,
    TYPE,
    Route,
)


def test_each_route_has_one_who_answers_and_each_answer_a_route() -> None:
    methods = {name for name, value in vars(Handlers).items() if inspect.iscoroutinefunction(value) and name[0] != "_"}
    named = {route.name for route in (*ROUTES, DESCRIPTION)}
    assert named == methods | ANSWERS.keys()
    # A type is told of as the others are, once there is one; the others take too long to be told at once.
    assert methods & ANSWERS.keys() == {TYPE.name, COMMAND.name, CAPABILITIES.name, LABELS.name}


def test_every_row_of_the_file_is_in_the_list_once() -> None:
    rows = [value for value in vars(routes).values() if isinstance(value, Route)]
    assert sorted(row.name for row in rows) == sorted(row.name for row in (*ROUTES, DESCRIPTION))
    assert len({(row.method, row.path) for row in rows}) == len({row.name for row in rows}) == len(rows)


def test_each_parameter_of_a_path_is_described() -> None:
    used = {piece.partition("}")[0] for route in (*ROUTES, *FLEET_ROUTES) for piece in route.path.split("{")[1:]}
    assert used == PLACES.keys()


def test_what_a_client_asks_for_is_quoted() -> None:
    assert SUPPORTS.url({"id": "a/b c"}, {"fact": "-x.y&z"}) == "/v1/binaries/a%2Fb%20c/supports?fact=-x.y%26z"
    assert TRANSLATE.url({}, {}) == "/v1/translate"
