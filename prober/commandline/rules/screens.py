"""Displays: what ``-vnc`` and ``-display vnc=`` say further, and OpenGL where there is no window."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prober.commandline.line import Line, number, switch
from prober.commandline.options import Keyval
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

_SHARES = ("ignore", "allow-exclusive", "force-shared")

#: What is added to the number of a display for its port.
_FIRST_PORT = 5900
_MOST_PORT = 65535

_NUMBER = re.compile(r"\s*\+?(\d{1,20})")


def _shown(line: Line) -> Iterator[tuple[Keyval, dict[str, str]]]:
    """The VNC displays that are opened, with their keys as texts."""
    for option in line.keyval.get("-vnc", ()):
        if option.first and option.first != "none":
            yield option, {item.name: str(item.value) for item in option.pairs}


def _addresses(line: Line) -> Iterator[Fault]:
    for option, keys in _shown(line):
        why = _wrong_address(option.first, is_reverse=switch(keys.get("reverse")) is True, to=number(keys.get("to")))
        if why:
            yield Fault(option.place, "vnc", why)


def _wrong_address(text: str, *, is_reverse: bool, to: int | None) -> str:
    if text.startswith("unix:"):
        return "to= is for a display with a port, not for a UNIX socket" if to else ""
    _, colon, port = text.rpartition(":")
    if not colon:
        return f"a display is HOST:NUMBER, unix:PATH or none, not {text[:64]!r}"
    match = _NUMBER.fullmatch(port)
    if match is None:
        return f"the display is a number, not {port[:64]!r}"
    most = _MOST_PORT if is_reverse else _MOST_PORT - _FIRST_PORT
    if int(match[1]) > most:
        return f"the display is a number up to {most}, not {port[:64]}"
    if to is not None and 0 < to < int(match[1]):
        return f"to= is the last display that may be taken, and {to} is before {port[:64]}"
    return ""


def _keys(line: Line) -> Iterator[Fault]:
    for option, keys in _shown(line):
        if keys.get("share", "ignore") not in _SHARES:
            words = ", ".join(_SHARES)
            yield Fault(option.place, "share", f"share of -vnc is one of {words}, not {keys['share'][:64]!r}")
        if "tls-authz" in keys and "tls-creds" not in keys:
            yield Fault(option.place, "tls-authz", "tls-authz of -vnc needs tls-creds")
        if "sasl-authz" in keys and switch(keys.get("sasl", "off")) is False:
            yield Fault(option.place, "sasl-authz", "sasl-authz of -vnc needs sasl=on")
        if switch(keys.get("ipv4")) is False and switch(keys.get("ipv6")) is False and _has_port(option):
            yield Fault(option.place, "ipv6", "a VNC display with a port has IPv4 or IPv6")
        if "password" in keys and "password-secret" in keys and line.caps.version.numbers >= (6, 0, 0):
            yield Fault(option.place, "password", "password of -vnc goes without password-secret")


def _has_port(option: Keyval) -> bool:
    return not option.first.startswith("unix:")


def _names(line: Line) -> Iterator[Fault]:
    if line.is_open:
        return
    secrets = {item.id for item in line.objects}
    for option, keys in _shown(line):
        name = keys.get("display")
        if name is not None and line.device(name) is None:
            yield Fault(option.place, "display", f"there is no device {name[:64]!r} for this display to show")
        secret = keys.get("password-secret")
        if secret is not None and secret not in secrets:
            yield Fault(option.place, "password-secret", f"there is no secret {secret[:64]!r} for this display")


def _gl(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-display", ()):
        gl = option.value.get("gl")
        if option.value.get("type") == "none" and gl is not None and gl in ("on", "core", "es"):
            yield Fault(option.place, "gl", "there is no OpenGL where the display is none")


def _dbus(line: Line) -> Iterator[Fault]:
    for option in line.qapi.get("-display", ()):
        if option.value.get("type") == "dbus" and option.value.get("addr") and switch(option.value.get("p2p")) is True:
            yield Fault(option.place, "p2p", "a D-Bus display has an address or is peer to peer, not both")


RULES = (
    Rule(
        "line/vnc-display",
        "the display of `-vnc` is a number up to 59635 behind a host, a UNIX socket, or `none`",
        "ui/vnc.c, vnc_display_get_address",
        _addresses,
        about=("-vnc",),
        wrong="-machine pc -vnc :59636",
        right="-machine pc -vnc none",
    ),
    Rule(
        "line/vnc-keys",
        "keys of `-vnc` go together",
        "ui/vnc.c, vnc_display_open",
        _keys,
        about=("-vnc",),
        wrong="-machine pc -vnc unix:,share=exclusive",
        right="-machine pc -vnc none,share=force-shared",
    ),
    Rule(
        "line/vnc-names",
        "the device and the secret that `-vnc` names are there",
        "ui/vnc.c, vnc_display_open: display and password-secret",
        _names,
        about=("-vnc",),
        wrong="-machine pc -vnc unix:,display=gpu",
        right="-machine pc -device VGA,id=gpu -vnc none,display=gpu",
    ),
    Rule(
        "line/display-gl",
        "`gl` goes with a display that is one",
        "ui/console.c, qemu_display_early_init; softmmu/vl.c: display_opengl",
        _gl,
        about=("gl",),
        wrong="-display none,gl=on -machine pc",
        right="-display none,gl=off -machine pc",
    ),
    Rule(
        "line/display-dbus",
        "a D-Bus display has `addr` or `p2p=on`",
        "ui/dbus.c, dbus_display_complete",
        _dbus,
        about=("p2p",),
        wrong="-display dbus,addr=unix:path=/nowhere,p2p=on -machine pc",
        right="-display dbus,p2p=on -machine pc",
        since=(7, 0, 0),
    ),
)
