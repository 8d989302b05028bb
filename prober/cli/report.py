"""``prober report``: QEMUs and domains as a page that is one file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

import prober
from prober.capabilities.find import CatalogSettings, find_all
from prober.cli import output
from prober.cli.checking import DomainRead, Source, find_sources, read_asked
from prober.cli.config_files import expand_xml
from prober.cli.domains import find_domains
from prober.cli.exits import ExitCode, exit_code
from prober.cli.files import read_xml_file, shown_name
from prober.cli.moment import with_moment
from prober.cli.options import Assume, IgnoreUnknown, Quiet, Settings, Strict
from prober.errors import ProberError, UnreadableDomainError
from prober.host.files import starting_at
from prober.pages.cells import CellAsked, cell_of, remarks
from prober.pages.gather import BookMaker
from prober.pages.hidden import hide_secrets
from prober.pages.models import DomainCell, Remark
from prober.pages.report import render_report
from prober.qemu.bundled import ALL
from prober.translate.uses import Uses
from prober.translate.wishes import Wishes

_TITLE = "QEMU on this host"


class ReportAsked(NamedTuple):
    """How domains are looked at."""

    assume_unknown_present: bool
    wishes: Wishes


def report_command(
    domains: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VM.xml]...",
            help="Libvirt domains: files, directories of *.xml, patterns in quotes; - reads one from stdin.",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The file, which is replaced. - writes to stdout."),
    ] = Path("-"),
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="QEMU",
            help="A binary, a recording, or a directory of them; `bundled`: those that come along. Repeatable. "
            "[default: each QEMU of this host, and bundled]",
        ),
    ] = None,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="What stands above it.")] = _TITLE,
    settings: Settings = None,
    assume_unknown_present: Assume = False,
    strict: Strict = False,
    ignore_unknown: IgnoreUnknown = False,
    quiet: Quiet = False,
) -> None:
    """The page has each QEMU at a glance, a table of all types and properties to search, the difference of any two
    QEMUs, and of each domain which QEMU accepts it, with the XML, what is refused at its lines, and the guest's PCI
    buses. It asks for nothing outside, and opens from a disk. It holds the XML of the domains, without passwords.

    Exit code: 0 it is written, whatever the domains come to; 2 an XML or a recording cannot be read; 5 a QEMU could not
    be asked; the others are in it.

    Example: `prober report vms/*.xml --against bundled -o report.html`
    """
    output.hush(words=quiet)
    asked = ReportAsked(assume_unknown_present, Wishes(strict, ignore_unknown))
    raise typer.Exit(run_report(domains or [], against or _all_here(), out, title, settings, asked))


def _all_here() -> list[str]:
    return [*(found.path for found in find_all(CatalogSettings())), ALL]


def run_report(
    words: list[str], against: Sequence[str], out: Path, title: str, settings: Path | None, asked: ReportAsked
) -> ExitCode:
    """Write the page.  A QEMU that cannot be asked and a domain that cannot be read are told of on stderr, and do not
    keep the others from being in it.

    :raise UsageError: where there is no QEMU, or a word has no domain.
    :raise OutputError: where it cannot be written.
    """
    files = find_domains(words)
    maker, codes = BookMaker(), [ExitCode.ok]
    with output.ProgressLine() as progress:
        sources = list(_learn(find_sources(against, settings), maker, codes, progress))
        for number, file in enumerate(files):
            progress.show(f"{number} of {len(files)} domains …")
            _add(file, sources, maker, codes, asked)
    book = maker.make(title, f"made by prober {prober.__version__}")
    page = render_report(book)
    _write(out, page)
    told = f"{len(page.encode()) / 1024:.0f} KiB with {len(sources)} QEMUs and {len(book.domains)} domains"
    output.note(f"{'<stdout>' if str(out) == '-' else out}: {told}")
    return max(codes)


def _learn(
    sources: Sequence[Source], maker: BookMaker, codes: list[ExitCode], progress: output.ProgressLine
) -> Iterator[Source]:
    """The QEMUs that could be asked; each is in the book then."""
    for number, source in enumerate(sources):
        progress.show(f"{number} of {len(sources)} QEMUs: {source.label} …")
        try:
            maker.add_qemu(source.label, source.qemu.capabilities)
        except ProberError as error:
            output.complain(f"{source.label}: {error.message}", error.hint)
            codes.append(exit_code(error))
        else:
            yield source


def _add(file: str, sources: Sequence[Source], maker: BookMaker, codes: list[ExitCode], asked: ReportAsked) -> None:
    """One domain, as each QEMU has it."""
    shown = os.path.basename(shown_name(file))  # noqa: PTH119 - <stdin> is no path
    try:
        xml = expand_xml(read_xml_file(file))
        about = read_asked(xml, file, asked.wishes)
    except UnreadableDomainError as error:
        output.complain(error.message, error.hint)
        codes.append(exit_code(error))
        cell = DomainCell("unreadable", (Remark(error.line or 0, "/", error.message, error.hint),))
        maker.add_domain(shown, "", [(cell, None)] * len(sources))
        return
    text, hide = hide_secrets(xml.decode("utf-8", "replace"))
    maker.add_domain(shown, text, [hide(_cell(about, source, asked)) for source in sources])


def _cell(about: DomainRead, source: Source, asked: ReportAsked) -> tuple[DomainCell, Uses | None]:
    if about.domain is None:
        return DomainCell("no", remarks(about.refusals)), None
    host = starting_at(source.settings.host, with_moment(asked.wishes, about.domain).starts_at)
    how = CellAsked(host, source.qemu.binary, asked.assume_unknown_present, asked.wishes.strict)
    try:
        return cell_of(about.domain, source.qemu.capabilities, how)
    except ProberError as error:
        return DomainCell("not asked", (Remark(0, "/", error.message, error.hint),)), None


def _write(out: Path, page: str) -> None:
    if str(out) == "-":
        output.write(page.removesuffix("\n"))
        return
    from prober.cli.page_file import write_page

    write_page(out, page)
