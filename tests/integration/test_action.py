"""The steps of ``action.yml``, run as a runner of GitHub's runs them: by a shell, with its variables and its files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.integration.installing import offline

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ACTION: dict[str, Any] = yaml.safe_load((CHECKOUT / "action.yml").read_text())
REFUSED = "fixtures/domains/refused.xml"
GITHUB = {"server_url": "https://github.com", "action_repository": "some/prober", "action_ref": "v1"}


class Runner:
    """A runner: what its steps have written so far."""

    def __init__(self, directory: Path, inputs: dict[str, str]) -> None:
        self.directory = directory
        defaults = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
        self.context = {f"inputs.{name}": value for name, value in (defaults | inputs).items()}
        self.context |= {f"github.{name}": value for name, value in GITHUB.items()}
        self.path: list[str] = []
        self.outputs: dict[str, str] = {}
        for name in ("path", "output", "summary"):
            (directory / name).touch()

    def run(self) -> subprocess.CompletedProcess[str]:
        """Each step in turn, up to one that fails."""
        for step in ACTION["runs"]["steps"]:
            ended = self._run_step(step)
            self.path = [*(self.directory / "path").read_text().split(), *self.path]
            lines = (self.directory / "output").read_text().splitlines()
            self.outputs |= dict(line.split("=", 1) for line in lines)
            if ended.returncode:
                break
        return ended

    def _run_step(self, step: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "what an input says would be a part of the script"
        env = offline()
        env |= {name: self.filled(str(value)) for name, value in step.get("env", {}).items()}
        env |= {
            "GITHUB_ACTION_PATH": str(CHECKOUT),
            "GITHUB_PATH": str(self.directory / "path"),
            "GITHUB_OUTPUT": str(self.directory / "output"),
            "GITHUB_STEP_SUMMARY": str(self.directory / "summary"),
            "RUNNER_TEMP": str(self.directory),
            "PATH": ":".join([*self.path, env["PATH"]]),
        }
        script = self.directory / "step.sh"
        script.write_text(step["run"])
        words = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        return subprocess.run(words, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False)

    def filled(self, text: str) -> str:
        """A text with what its expressions stand for."""
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: self.context[match[1]], text)


@pytest.fixture
def python(tmp_path: Path) -> str:
    """The Python to install with, as an input."""
    return sys.executable


def test_a_refusal_is_an_annotation_and_fails_the_step(tmp_path: Path, python: str) -> None:
    sarif = tmp_path / "out.sarif"
    inputs = {"domains": f"{REFUSED}\nfixtures/domains/example.xml", "against": "qemu-10.0", "python": python}
    runner = Runner(tmp_path, inputs | {"sarif": str(sarif)})
    ended = runner.run()
    assert ended.returncode == 3, ended.stderr
    assert ended.stdout.startswith(f"::error file={REFUSED},line=12,col=24,title=domain/check-hotplug::")
    assert runner.outputs == {"sarif": str(sarif), "exit-code": "3"}
    (rule,) = json.loads(sarif.read_text())["runs"][0]["tool"]["driver"]["rules"]
    assert rule["helpUri"] == "https://github.com/some/prober/blob/v1/docs/rules.md#domaincheck-hotplug"
    assert "refused.xml" in (tmp_path / "summary").read_text()


def test_what_all_accept_passes_and_what_an_input_says_is_no_script(tmp_path: Path, python: str) -> None:
    inputs = {"domains": "fixtures/domains/example.xml\n$(touch pwned)", "against": "qemu-10.0", "python": python}
    runner = Runner(tmp_path, inputs)
    ended = runner.run()
    assert ended.returncode == 2
    assert "$(touch pwned)" in ended.stderr
    assert not (CHECKOUT / "pwned").exists()
    runner = Runner(tmp_path, inputs | {"domains": "fixtures/domains/example.xml", "arguments": "--strict"})
    ended = runner.run()
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert runner.outputs == {"exit-code": "0"}
