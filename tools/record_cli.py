"""Record docs/cli.svg: the real program, installing into the sandbox and checking it."""

import io
import os
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from customerlink.cli import main, output
from customerlink.cli.output import Output, plain
from sandbox.sandbox import SIGNING_SECRET, Sandbox, sandbox

REAL = {
    r"http://127\.0\.0\.1:\d+/post-login": "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
    "/post-login",
    r"(https?://)?127\.0\.0\.1:\d+": "acme.eu.auth0.com",
    r"us-east-1": "eu-west-1",
}
"""What a deployment has in place of this machine's addresses."""

PICTURE = Path(__file__).parents[1] / "docs" / "cli.svg"
WIDTH = 108


def record(box: Sandbox, screen: Console) -> None:
    """Run the commands with everything that they print going to one screen."""
    os.environ.update(box.tools_environment())
    box.aws.secrets_manager.delete_secret(
        SecretId="CustomerLinkSecret", ForceDeleteWithoutRecovery=True
    )
    box.aws.secrets_manager.create_secret(Name="CustomerLinkSecret")
    for words in (["install"], ["doctor"]):
        screen.print(f"[bold]$ customerlink {' '.join(words)}")
        sys.stdin = io.StringIO(f"{box.stripe_key}\n")
        try:
            main.run(words)
        except SystemExit as end:
            screen.print("" if not end.code else f"[red]exit code {end.code}")
        box.look()


def as_deployed(text: str) -> str:
    """Return a line as it is for a real tenant and stack."""
    for here, there in REAL.items():
        text = re.sub(here, there, text)
    return plain(text)


def picture() -> str:
    """Return the recording as SVG."""
    # As a terminal has it, lines broken at words, whatever the environment says of colours.
    screen = Console(
        record=True,
        width=WIDTH,
        file=io.StringIO(),
        highlight=False,
        force_terminal=True,
        no_color=False,
    )
    everywhere = patch.object(output, "Console", lambda **_: screen)
    real = patch.object(output, "plain", as_deployed)
    # What a terminal wipes away, a recording keeps.
    still = patch.object(Output, "busy", lambda *_: nullcontext())
    with sandbox(signing_secret=SIGNING_SECRET) as box, everywhere, real, still:
        record(box, screen)
    # No font from elsewhere: the reader's own monospace does.
    plain = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    plain = plain.replace("<!-- Generated with Rich https://www.textualize.io -->", "")
    return screen.export_svg(title="customerlink", code_format=plain.replace("Fira Code", "Menlo"))


if __name__ == "__main__":
    PICTURE.write_text(picture())
