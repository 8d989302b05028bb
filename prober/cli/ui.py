"""``prober ui``: a page beside a running service."""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.choosing import choose_socket
from prober.cli.config_files import expand_xml
from prober.cli.domains import find_domains
from prober.cli.files import read_xml_file, shown_name
from prober.cli.options import Socket
from prober.pages.live.server import UiSettings, run_ui
from prober.service.logs.start import start_logging


def ui_command(
    domains: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VM.xml]...",
            help="Libvirt domains: files, directories of *.xml, patterns in quotes; - reads one from stdin.",
        ),
    ] = None,
    socket: Socket = None,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Listen there. [default: any that is free]")
    ] = 0,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="What stands above it.")] = "prober",
) -> None:
    """The address that is printed has a token, which is good for one browser, once. The server listens on the loopback
    alone, and asks the service with the rights of who started it. What is typed is checked at once; a QEMU is started
    (`prove`, `refresh`, rehearsals) by a click alone, and where the service lets its user. SIGINT and SIGTERM end it.

    Example: `prober ui vms/*.xml`
    """
    read = [
        (os.path.basename(shown_name(file)), expand_xml(read_xml_file(file)))  # noqa: PTH119 - <stdin> is no path
        for file in find_domains(domains or [])
    ]
    start_logging(logging.WARNING)
    run_ui(UiSettings(choose_socket(socket), port, read, title), _say)


def _say(address: str) -> None:
    output.write(address)
    output.note("Open this in a browser on this host: its token is for one browser, once. Ctrl-C ends it.")
