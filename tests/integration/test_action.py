"""The steps of ``action.yml``, run as a runner of GitHub's runs them: by a shell, with its variables and its files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.integration.installing import copy_sources, offline
from tests.sarif_form import sarif_faults
from tests.sharing import make_once

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ACTION: dict[str, Any] = yaml.safe_load((CHECKOUT / "action.yml").read_text())
INSTALL, CHECK = ACTION["runs"]["steps"]
REFUSED, SOUND = "fixtures/domains/refused.xml", "fixtures/domains/example.xml"
GITHUB = {"server_url": "https://github.com", "action_repository": "some/prober", "action_ref": "v1"}
#: An action of the repository itself (``uses: ./``) has no repository of its own.
LOCAL = GITHUB | {"action_repository": "", "action_ref": ""}


class Checked(NamedTuple):
    """What the second step came to."""

    code: int
    out: str
    err: str
    outputs: dict[str, str]
    summary: str


class Check(Protocol):
    """Runs the second step."""

    def __call__(self, inputs: dict[str, str], github: dict[str, str] = GITHUB) -> Checked: ...


class Runner:
    """A runner: what its steps have written so far.  ``temp`` is its directory for what is temporary, in which an
    earlier step installed prober."""

    def __init__(self, directory: Path, temp: Path, inputs: dict[str, str], github: dict[str, str] = GITHUB) -> None:
        self.directory, self.temp = directory, temp
        defaults = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
        self.context = {f"inputs.{name}": value for name, value in (defaults | inputs).items()}
        self.context |= {f"github.{name}": value for name, value in github.items()}
        for name in ("path", "output", "summary"):
            (directory / name).write_text("")

    @property
    def outputs(self) -> dict[str, str]:
        """What was written of them."""
        return dict(line.split("=", 1) for line in (self.directory / "output").read_text().splitlines())

    def run(self, step: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """One of its steps."""
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "what an input says would be a part of the script"
        env = offline()
        env |= {name: self.filled(str(value)) for name, value in step.get("env", {}).items()}
        env |= {
            "GITHUB_ACTION_PATH": str(self.temp / "sources"),
            "GITHUB_PATH": str(self.directory / "path"),
            "GITHUB_OUTPUT": str(self.directory / "output"),
            "GITHUB_STEP_SUMMARY": str(self.directory / "summary"),
            "GITHUB_WORKSPACE": str(CHECKOUT),
            "RUNNER_TEMP": str(self.temp),
        }
        script = self.directory / "step.sh"
        script.write_text(step["run"])
        words = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        return subprocess.run(words, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False)

    def filled(self, text: str) -> str:
        """A text with what its expressions stand for."""
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: self.context[match[1]], text)


@pytest.fixture(scope="module")
def temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first step leaves for the second, made once."""

    def make(place: Path) -> None:
        (place / "sources").mkdir(parents=True)
        copy_sources(place / "sources")
        runner = Runner(place, place, {"python": sys.executable})
        ended = runner.run(INSTALL)
        assert ended.returncode == 0, ended.stderr
        assert (place / "path").read_text() == "", "later steps of the job would find another Python"

    return make_once(tmp_path_factory, "action", make)


@pytest.fixture
def check(temp: Path, tmp_path: Path) -> Check:
    """``check(inputs)`` runs the second step."""
    own = tmp_path / "runner"

    def checked(inputs: dict[str, str], github: dict[str, str] = GITHUB) -> Checked:
        own.mkdir(exist_ok=True)
        runner = Runner(own, temp, inputs, github)
        ended = runner.run(CHECK)
        return Checked(ended.returncode, ended.stdout, ended.stderr, runner.outputs, (own / "summary").read_text())

    return checked


def test_the_steps_are_these() -> None:
    assert [step["name"] for step in ACTION["runs"]["steps"]] == ["Install prober", "Check"]


def test_a_refusal_is_an_annotation_and_fails_the_step(check: Check, tmp_path: Path) -> None:
    sarif = tmp_path / "out.sarif"
    told = check({"domains": f"{REFUSED}\n{SOUND}", "against": "qemu-10.0", "sarif": str(sarif)})
    assert told.code == 3, told.err
    assert told.out.startswith(f"::error file={REFUSED},line=12,col=24,title=domain/check-hotplug::")
    assert told.outputs == {"sarif": str(sarif), "exit-code": "3"}
    (rule,) = json.loads(sarif.read_text())["runs"][0]["tool"]["driver"]["rules"]
    assert rule["helpUri"] == "https://github.com/some/prober/blob/v1/docs/rules.md#domaincheck-hotplug"
    assert "refused.xml" in told.summary


def test_what_all_accept_passes_and_what_an_input_says_is_no_script(check: Check) -> None:
    told = check({"domains": f"{SOUND}\n$(touch pwned)", "against": "qemu-10.0\n`touch pwned`;touch pwned"})
    assert told.code == 2
    told = check({"domains": f"{SOUND}\n$(touch pwned)", "against": "qemu-10.0"})
    assert told.code == 2
    assert "$(touch pwned)" in told.err
    assert not (CHECKOUT / "pwned").exists()
    told = check({"domains": SOUND, "against": "qemu-10.0", "arguments": "--strict"})
    assert (told.code, told.out) == (0, ""), told.err
    assert told.outputs == {"exit-code": "0"}


def test_files_of_any_name_are_domains_and_no_options(check: Check, tmp_path: Path) -> None:
    names = ["a b.xml", "--strict.xml", "$(id).xml", "semi;colon.xml", "quo'te\".xml"]
    for name in names:
        (tmp_path / name).write_bytes((CHECKOUT / REFUSED).read_bytes())
    told = check({"domains": "\n".join(["", *(f"{tmp_path}/{name}" for name in names), ""]), "against": "qemu-10.0"})
    assert (told.code, told.err, len(told.out.splitlines())) == (3, "", len(names))
    assert check({"domains": "--json", "against": "qemu-10.0"}).code == 2


@pytest.mark.parametrize(
    ("inputs", "code", "said"),
    [
        ({"domains": "vms/none/*.xml"}, 2, "vms/none"),
        ({"domains": "README.md"}, 2, "not well-formed"),
        ({"against": "qemu-99"}, 2, "qemu-99"),
        ({"against": "/bin/true"}, 5, "/bin/true"),
        ({"arguments": "--nix"}, 2, "--nix"),
        ({"domains": ""}, 2, "VM.xml"),
    ],
)
def test_what_cannot_be_asked_fails_with_its_code_and_says_why(
    check: Check, tmp_path: Path, inputs: dict[str, str], code: int, said: str
) -> None:
    sarif = tmp_path / "new" / "out of it.sarif"
    told = check({"domains": SOUND, "against": "qemu-10.0"} | inputs | {"sarif": str(sarif)})
    assert told.code == code
    assert said in told.out + told.err
    assert said in told.summary
    assert told.outputs["exit-code"] == str(code)
    # There is a document where there is something in it, and never half of one.
    assert sarif.exists() == ("sarif" in told.outputs)
    if sarif.exists():
        assert sarif_faults(json.loads(sarif.read_text())) == []


def test_an_action_of_the_repository_itself_has_no_link_that_leads_nowhere(check: Check, tmp_path: Path) -> None:
    sarif = tmp_path / "local.sarif"
    assert check({"domains": REFUSED, "against": "qemu-10.0", "sarif": str(sarif)}, LOCAL).code == 3
    (rule,) = json.loads(sarif.read_text())["runs"][0]["tool"]["driver"]["rules"]
    assert "helpUri" not in rule
