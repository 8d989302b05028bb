"""What ``/openapi.json`` says, made of the routes' declarations by FastAPI.

FastAPI is imported here alone, and by whoever asks for this first: it is a sixth of the time that the service takes to
start, and 8 MiB, and no answer needs it.
"""

from __future__ import annotations

import json
from typing import Any

import prober
from prober.service.problems import Problem
from prober.service.routes import Routes


def describe(routes: Routes) -> bytes:
    """The description, as JSON.  Takes a third of a second."""
    from fastapi import FastAPI

    app = FastAPI(title="prober", version=prober.__version__, description=prober.__doc__ or "")
    for route in routes.every:
        app.add_api_route(route.path, route.handler, methods=[route.method], **route.declaration)
    return json.dumps(_with_models(app.openapi()), ensure_ascii=False).encode()


def _with_models(schema: dict[str, Any]) -> dict[str, Any]:
    """Add the models that FastAPI is not told of: that of errors, as it would give them another media type, and those
    of a translation and of a check, which are not imported before somebody wants them."""
    from prober.commandline.report import ArgvReport
    from prober.translate.translation import Translation

    models = schema["components"]["schemas"]
    if "Translation" not in models:
        for model in (Problem, Translation, ArgvReport):
            made = model.model_json_schema(ref_template="#/components/schemas/{model}")
            models.update(made.pop("$defs", {}))
            models[model.__name__] = made
        for path, name in (("/v1/translate", "Translation"), ("/v1/check-argv", "ArgvReport")):
            answer = schema["paths"][path]["post"]["responses"]["200"]
            answer["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return schema
