"""What of SARIF 2.1.0 is written here, as a schema: names, types and bounds as the standard has them, nothing else.

OASIS' own schema is in no package that could be pinned.  ``PROBER_SARIF_SCHEMA`` names a copy of it, where there is
one, and it is held against besides.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def _list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_TEXT = {"type": "string"}
_MESSAGE = _closed({"text": _TEXT}, "text")
_SET = _closed({"text": _TEXT, "markdown": _TEXT}, "text")
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_ARTIFACT = _closed(
    {
        "uri": {"type": "string", "format": "uri-reference"},
        "uriBaseId": _TEXT,
        "index": {"type": "integer", "minimum": 0},
    }
)
_COUNT = {"type": "integer", "minimum": 1}
_PHYSICAL = _closed(
    {"artifactLocation": _ARTIFACT, "region": _closed({"startLine": _COUNT, "startColumn": _COUNT}, "startLine")},
    "artifactLocation",
)
_LOCATION = _closed({"physicalLocation": _PHYSICAL, "logicalLocations": _list(_closed({"fullyQualifiedName": _TEXT}))})
_RESULT = _closed(
    {
        "ruleId": _TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": _LEVEL,
        "message": _MESSAGE,
        "locations": _list(_LOCATION),
    },
    "ruleId",
    "message",
)
_RULE = _closed(
    {
        "id": _TEXT,
        "shortDescription": _MESSAGE,
        "fullDescription": _MESSAGE,
        "help": _SET,
        "helpUri": {"type": "string", "format": "uri"},
    },
    "id",
)
_DRIVER = _closed({"name": _TEXT, "semanticVersion": _TEXT, "rules": _list(_RULE, uniqueItems=True)}, "name")
_INVOCATION = _closed(
    {
        "executionSuccessful": {"type": "boolean"},
        "toolExecutionNotifications": _list(_closed({"level": _LEVEL, "message": _MESSAGE}, "message")),
    },
    "executionSuccessful",
)
_RUN = _closed(
    {
        "tool": _closed({"driver": _DRIVER}, "driver"),
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "invocations": _list(_INVOCATION),
        "artifacts": _list(
            _closed({"contents": _closed({"text": _TEXT}), "roles": _list({"enum": ["analysisTarget"]})}),
            uniqueItems=True,
        ),
        "results": _list(_RESULT),
    },
    "tool",
)
_OWN = _closed(
    {"$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"}, "runs": _list(_RUN)},
    "version",
    "runs",
)


def sarif_schemas() -> list[dict[str, Any]]:
    """The schema of what is written, closed; and the standard's own, where a copy of it is named."""
    path = os.environ.get("PROBER_SARIF_SCHEMA")
    own = {"$schema": "http://json-schema.org/draft-07/schema#", **_OWN}
    return [own, json.loads(Path(path).read_text())] if path else [own]
