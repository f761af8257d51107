"""Stand-ins for Stripe that nobody here wrote: a second opinion on what ours answers."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_LOCALSTRIPE = """
import socket
from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app
Store.dump_to_disk = lambda self: None
listening = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
web.run_app(app, sock=listening, access_log=None, print=None)
"""
_STRIPE_STATEFUL_MOCK = """
const app = require('stripe-stateful-mock').createExpressApp();
require('loglevel').setLevel('silent');
const server = require('node:http').createServer(app).listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
"""

COMMANDS = {
    "localstripe": [sys.executable, "-c", _LOCALSTRIPE],
    "stripe-stateful-mock": ["node", "-e", _STRIPE_STATEFUL_MOCK],
}


@contextmanager
def peer(name: str) -> Iterator[str]:
    """Run one on a free port of this machine; return its address."""
    with subprocess.Popen(COMMANDS[name], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()
