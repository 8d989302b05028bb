"""What is told of a rehearsal holds no secret, and stays of its form whatever the secret is."""

from __future__ import annotations

from prober.capabilities.models import Version
from prober.commandline.qmp import QmpCommand
from prober.rehearsal.hidden import secrets_in, without_secrets
from prober.rehearsal.models import GuestChange, Migration, SideTold
from prober.rehearsal.verdict import RehearsalVerdict

VERSION = Version(major=7, minor=2, micro=0)


def told(secret: str) -> Migration:
    return Migration(
        verdict=RehearsalVerdict.refused,
        stage="stream",
        said=f"no such id: {secret}",
        because=(GuestChange(where=secret, part="p", here={secret: [secret]}, there=None),),
        source=SideTold(binary="/q", version=VERSION, warnings=(f"{secret}!",)),
        destination=SideTold(binary="/q", version=VERSION, said=secret),
    )


def test_it_is_hidden_wherever_it_stands() -> None:
    hidden = without_secrets(told("sesame"), secrets_in(["q", "-object", "secret,id=s,data=sesame"]))
    assert "sesame" not in hidden.model_dump_json()
    assert hidden.said == "no such id: …"
    assert hidden == without_secrets(told("…"), frozenset())


def test_a_word_of_the_answer_itself_stays() -> None:
    for secret in ("stream", "refused"):
        hidden = without_secrets(told(secret), secrets_in(["q", "-object", f"secret,id=s,data={secret}"]))
        assert (hidden.stage, hidden.verdict) == ("stream", RehearsalVerdict.refused)
        assert hidden.said == "no such id: …"


def test_what_is_plugged_in_has_secrets_too() -> None:
    command = QmpCommand(execute="object-add", arguments={"qom-type": "secret", "id": "s", "data": "open"})
    assert secrets_in(["q"], [command]) == {"open"}
