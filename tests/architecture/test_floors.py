"""No way back: floors import downwards alone, no file is in a circle of imports, and no import hides."""

from __future__ import annotations

import re
import tomllib

from tests.architecture.imports import ROOT, circles, imports, modules, tree_of

#: The floors from the top down, as import-linter has them.
FLOORS: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
    "layers"
]


def floor_of(module: str) -> str | None:
    """The floor that a module is on; None of the package itself."""
    return module.split(".")[1] if "." in module else None


def test_every_room_is_a_floor() -> None:
    assert {floor_of(module) for module in modules()} - {None} == set(FLOORS)


def test_no_import_points_up() -> None:
    up = [
        f"{module} -> {other}"
        for module, others in imports().items()
        for other in sorted(others)
        if (here := floor_of(module)) and (there := floor_of(other)) and FLOORS.index(there) < FLOORS.index(here)
    ]
    assert up == []


def test_no_file_is_in_a_circle_of_imports() -> None:
    assert circles(imports()) == []


def test_a_circle_would_be_seen() -> None:
    graph = {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"a", "d"}), "d": frozenset[str]()}
    assert circles(graph) == [["a", "b", "c"]]


def test_nothing_is_imported_for_type_checking_alone() -> None:
    hidden = [module for module, path in modules().items() if "TYPE_CHECKING" in path.read_text("utf-8")]
    assert hidden == []


def test_a_package_hands_on_classes_or_nothing() -> None:
    """A face with behaviour ties whoever wants a model to all that the behaviour needs."""
    wrong = []
    for module, path in modules().items():
        if path.name != "__init__.py" or module == "prober":
            continue
        for name in re.findall(r'^    "(\w+)",|(?<=[\[ ])"(\w+)"[,\]]', path.read_text("utf-8"), re.MULTILINE):
            handed = name[0] or name[1]
            if not handed[0].isupper() and "__all__" in path.read_text("utf-8"):
                wrong.append(f"{module}.{handed}")
    assert wrong == []


def test_no_package_has_a_name_that_is_also_a_module_of_its_own() -> None:
    for module, path in modules().items():
        if path.name == "__init__.py":
            own = {name.rpartition(".")[2] for name in modules() if name.rpartition(".")[0] == module}
            names = {
                alias.asname or alias.name
                for node in tree_of(module).body
                if node.__class__.__name__ == "ImportFrom"
                for alias in node.names  # type: ignore[attr-defined]
            }
            assert not own & names, module
