"""What a guest is handed of the host: items of ``fw_cfg``, and secrets."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.line import Line, value_of
from prober.commandline.options import Keyval, Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Keys that say where an item comes from.
_SOURCES = ("file", "string", "gen_id")

#: ``FW_CFG_MAX_FILE_PATH`` less the end of the text (``qemu_fw_cfg.h``), in bytes.
_LONGEST = 55


def _items(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-fw_cfg", ()):
        given = [key for key in _SOURCES if value_of(option.pairs, key)]
        if len(given) != 1 and any(item.name in _SOURCES for item in option.pairs):
            yield Fault(option.place, "string", "-fw_cfg has one of file, string and gen_id, with something in it")
        name = _name(option)
        if len(str(name).encode(errors="replace")) > _LONGEST:
            message = f"the name of an item of -fw_cfg has at most {_LONGEST} characters, not {len(str(name))}"
            yield Fault(option.place, "name", message)
    if line.kind == "none":
        for option in line.keyval.get("-fw_cfg", ())[:1]:
            yield Fault(option.place, "name", "the machine none has no fw_cfg")


def _name(option: Keyval) -> Value:
    return option.first or value_of(option.pairs, "name", "")


def _names(line: Line) -> Iterator[Fault]:
    seen: set[str] = set()
    for option in line.keyval.get("-fw_cfg", ()):
        name = str(_name(option))
        if name in seen:
            yield Fault(option.place, "name", f"an item of -fw_cfg is called {name[:_LONGEST]!r} already")
        seen.add(name)


def _generators(line: Line) -> Iterator[Fault]:
    if line.is_open:
        return
    objects = {option.id for option in line.objects}
    for option in line.keyval.get("-fw_cfg", ()):
        ident = value_of(option.pairs, "gen_id")
        if ident and ident not in objects:
            yield Fault(option.place, "gen_id", f"gen_id names an object {str(ident)[:64]!r}, which is not there")


def _tables(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-acpitable", ()):
        if {"data", "file"} <= {item.name for item in option.pairs}:
            yield Fault(option.place, "data", "-acpitable has data or file, not both")


def _secrets(line: Line) -> Iterator[Fault]:
    for option in line.objects:
        if option.qom_type == "secret":
            names = {item.name for item in option.properties}
            if {"data", "file"} <= names:
                yield Fault(option.place, "data", "a secret has data or file, not both")
            if "keyid" in names and "iv" not in names:
                yield Fault(option.place, "iv", "a secret that another encrypts (keyid) needs iv")


RULES = (
    Rule(
        "line/fw-cfg-source",
        "an item of `-fw_cfg` has one source, and a name of at most 55 characters",
        "softmmu/vl.c, parse_fw_cfg",
        _items,
        about=("-fw_cfg",),
        wrong="-display none -fw_cfg name=opt/a,string=b,file=/dev/null",
        right="-display none -fw_cfg name=opt/a,string=b",
    ),
    Rule(
        "line/fw-cfg-name",
        "an item of `-fw_cfg` has a name of its own",
        "hw/nvram/fw_cfg.c, fw_cfg_add_file_callback",
        _names,
        about=("-fw_cfg",),
        wrong="-display none -fw_cfg name=opt/a,string=b -fw_cfg name=opt/a,string=c",
        right="-display none -fw_cfg name=opt/a,string=b -fw_cfg name=opt/b,string=c",
    ),
    Rule(
        "line/fw-cfg-generator",
        "the object that makes an item of `-fw_cfg` is there",
        "hw/nvram/fw_cfg.c, fw_cfg_add_from_generator (10.0: fw_cfg_add_file_from_generator)",
        _generators,
        about=("-fw_cfg",),
        wrong="-display none -fw_cfg name=opt/a,gen_id=b",
        right="-display none -fw_cfg name=opt/a,string=b",
    ),
    Rule(
        "line/acpitable-source",
        "a table of `-acpitable` has one source",
        "hw/acpi/core.c, acpi_table_add",
        _tables,
        about=("-acpitable",),
        wrong="-display none -machine pc -acpitable sig=OWN0,data=/dev/null,file=/dev/null",
        right="-display none -machine pc -acpitable sig=OWN0,data=/dev/null",
    ),
    Rule(
        "line/secret-source",
        "a secret has one source, and one that is encrypted an `iv`",
        "crypto/secret.c, qcrypto_secret_load_data; crypto/secret_common.c, qcrypto_secret_decrypt",
        _secrets,
        about=("secret",),
        wrong="-display none -object secret,id=a,data=b,file=/dev/null",
        right="-display none -object secret,id=a,data=b",
    ),
)
