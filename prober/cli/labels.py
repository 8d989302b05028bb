"""``prober labels``: labels of a Kubernetes node, as node-feature-discovery reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.choosing import choose
from prober.cli.options import Binary, Json, Replies, Socket
from prober.cli.replacing import replace_file
from prober.export.feature_file import OWN, feature_file
from prober.service.routes import LABELS


def labels_command(
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write them to this file, in node-feature-discovery's directory features.d. - is stdout.",
        ),
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="prober's own alone, where KubeVirt's node labeller gives the others.")
    ] = False,
    json: Json = False,
) -> None:
    """What is unknown has no label. `--json` says of each what it stands on. A file is replaced as a whole, so that a
    reader sees the old one or the new one.

    Example: `prober labels -o /etc/kubernetes/node-feature-discovery/features.d/prober`
    """
    labels = choose(socket, binary, replies).tell(LABELS)["labels"]
    if own:
        labels = [label for label in labels if label["name"].startswith(OWN)]
    file = None if file == Path("-") else file
    lines = [(label["name"], label["value"]) for label in labels]
    if file is not None:
        replace_file(file, feature_file(lines).encode(), reader="node-feature-discovery")
    if json:
        output.write_json(labels)
    elif file is None:
        output.write(feature_file(lines).removesuffix("\n"))
