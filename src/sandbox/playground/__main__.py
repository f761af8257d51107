"""`make playground`: the sandbox in one browser window, until Ctrl-C."""

import os
import secrets
import signal
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from sandbox.deployment import ChoiceError, deployment_of
from sandbox.following import by_itself, following
from sandbox.playground.control import Control
from sandbox.playground.curl import Places
from sandbox.playground.looking import Looking
from sandbox.playground.page import Page
from sandbox.playground.weather import Skies
from sandbox.sandbox import Sandbox, sandbox
from sandbox.serving import Server
from sandbox.shop import open_shop


@dataclass(frozen=True)
class Playground:
    """The parts, running, and the page's address with the run's token in it."""

    box: Sandbox
    page: Page
    address: str


@contextmanager
def playground(frame: str = "", policies: str = "") -> Iterator[Playground]:
    """Run the sandbox and its page; the left panel shows `frame`, else the shop."""
    skies, deployment = Skies(), deployment_of(policies)
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox(around=skies.around, settings=deployment.settings) as box,
        following(box) as told,
        by_itself(told),
        open_shop(box) as shop,
    ):
        box.seed()
        page = Page(
            box.journal,
            Looking(box, Path(folder)),
            Control(box, skies, deployment),
            Places.of(box),
            secrets.token_urlsafe(24),
            frame or shop,
            _export(box),
        )
        with Server(page) as server:
            # Behind the `#`, which no browser sends: the token reaches no log and no other page.
            yield Playground(box, page, f"{server.url}/#{page.token}")


def _export(box: Sandbox) -> str:
    """Return the line for a shell: what the command line reads, and what copied lines do."""
    tools = box.tools_environment()
    client = {"client_id": tools["AUTH0_CLIENT_ID"], "client_secret": tools["AUTH0_CLIENT_SECRET"]}
    asked = {"grant_type": "client_credentials", "audience": f"{box.auth0_url}/api/v2/"}
    token, _ = box.management.token(client | asked)
    # A key of its own: weather revokes the function's.
    of_lines = {"STRIPE_KEY": box.stripe.add_key(), "AUTH0_TOKEN": token["access_token"]}
    return " ".join(["export", *(f"{name}={each}" for name, each in (tools | of_lines).items())])


def main() -> int:
    """Print the address, and open it where there is a browser to see; return the exit code.

    `POLICY` is the deployment's; `PLAYGROUND_FRAME` is another shop's address, for the left panel.
    """
    ended: SimpleQueue[None] = SimpleQueue()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ended.put(None))
    frame, policies = (os.environ.get(each, "") for each in ("PLAYGROUND_FRAME", "POLICY"))
    try:
        with playground(frame, policies) as running:
            print(f"The playground: {running.address}\nCtrl-C ends it.", flush=True)  # noqa: T201
            has_screen = sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & {*os.environ}
            if has_screen and sys.stdout.isatty():
                webbrowser.open(running.address)
            ended.get()
    except ChoiceError as error:
        print(error)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
