"""Writing an answer in one of the forms for CI."""

from __future__ import annotations

from prober import __version__
from prober.cli import output
from prober.cli.forms.places import seen_from_root
from prober.cli.options import Form
from prober.errors import UsageError
from prober.export.forms.model import FormReport


def chosen(form: Form | None, *, as_json: bool) -> Form:
    """The form that is asked for; ``--json`` is another word for ``--format json``.

    :raise UsageError: where both are given, and differ.
    """
    if as_json and form not in (None, Form.json):
        raise UsageError(f"--json and --format {form} are two forms", hint="leave --json out")
    return Form.json if as_json else form or Form.text


def write_form(report: FormReport, form: Form) -> None:
    """Print it, in a form that is neither text nor JSON."""
    match form:
        case Form.sarif:
            from prober.export.forms.sarif import render_sarif
            from prober.export.rulebook.find import rule_text

            output.write_json(render_sarif(seen_from_root(report), __version__, rule_text))
        case Form.junit:
            from prober.export.forms.junit import render_junit

            output.write(render_junit(report))
        case Form.github:
            from prober.export.forms.github import render_github

            lines = list(render_github(seen_from_root(report)))
            if lines:
                output.write("\n".join(lines))
        case _:
            raise AssertionError(f"{form} is the command's own")
