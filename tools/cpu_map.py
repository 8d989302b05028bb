"""Make ``prober/guest/cpu/map.json`` from a directory of libvirt's CPU map (``src/cpu_map``): figures and names alone.

``python tools/cpu_map.py /path/to/libvirt/src/cpu_map > prober/guest/cpu/map.json``

``features`` has each feature's bits as (CPUID leaf and subleaf, or MSR; register; mask), and whether it hinders
migration; ``models`` what a model has beyond its ancestor, in the order of the map, as both orders matter.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from lxml import etree

_REGISTERS = ("eax", "ebx", "ecx", "edx")


def main() -> None:
    """Print the table."""
    directory = Path(sys.argv[1])
    features: dict[str, Any] = {}
    models: dict[str, Any] = {}
    vendors: dict[str, str] = {}
    for path in _files(directory):
        for node in cast("Iterator[Any]", etree.parse(str(path)).getroot()):
            match node.tag:
                case "vendor":
                    vendors[node.get("name")] = node.get("string")
                case "feature":
                    features[node.get("name")] = _feature(node)
                case "model":
                    models[node.get("name")] = _model(node)
    lines = [
        f'"vendors": {json.dumps(vendors)}',
        f'"features": {{\n{_rows(features)}\n}}',
        f'"models": {{\n{_rows(models)}\n}}',
    ]
    print("{\n" + ",\n".join(lines) + "\n}")


def _rows(table: dict[str, Any]) -> str:
    return ",\n".join(f"{json.dumps(name)}: {json.dumps(item)}" for name, item in table.items())


def _files(directory: Path) -> Iterator[Path]:
    root: Any = etree.parse(str(directory / "index.xml")).getroot()
    for arch in root.iterchildren("arch"):
        if arch.get("name") == "x86":
            yield from (directory / node.attrib["filename"] for node in arch.iter("include"))


def _feature(node: Any) -> dict[str, Any]:
    bits = []
    for item in node:
        if item.tag == "cpuid":
            where = f"{_number(item, 'eax_in'):x}.{_number(item, 'ecx_in'):x}"
        elif item.tag == "msr":
            where = f"msr.{_number(item, 'index'):x}"
        else:
            continue
        bits += [[where, name, _number(item, name)] for name in _REGISTERS if _number(item, name)]
    hinders = node.get("migratable") == "no"
    return {"bits": bits, **({"migratable": False} if hinders else {})}


def _number(node: Any, name: str) -> int:
    return int(node.get(name, "0"), 0)


def _steppings(text: str | None) -> list[list[int]]:
    """``5-7`` as the list of its numbers; nothing where a model has any stepping."""
    if text is None:
        return []
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return [numbers]


def _model(node: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for child in node:
        match child.tag:
            case "model":
                made["ancestor"] = child.get("name")
            case "vendor":
                made["vendor"] = child.get("name")
            case "decode":
                made["guest"] = child.get("guest") == "on"
            case "signature":
                one = [int(child.get("family")), int(child.get("model")), *_steppings(child.get("stepping"))]
                made.setdefault("signatures", []).append(one)
            case "feature":
                kind = next((kind for kind in ("removed", "added") if child.get(kind) == "yes"), "features")
                made.setdefault(kind, []).append(child.get("name"))
    return made


if __name__ == "__main__":
    main()
