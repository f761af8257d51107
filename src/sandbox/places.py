"""The page `/verify-email` for a browser of this machine, which serves no https origin."""

from collections.abc import Mapping
from typing import Any

from sandbox.gateway import Event, Invoke

_FRAMED_BY_NOBODY, _FRAMED_HERE = "frame-ancestors 'none'", "frame-ancestors http://127.0.0.1:*"
_MAIL = '<p><a href="{}/u/mail" target="_blank" rel="noopener">The sandbox\'s mail</a></p>'


def on_this_machine(page: Invoke, hosts: Mapping[str, str], auth0: str) -> Invoke:
    """Return the page with links that lead here and to the mail, for the playground's frame.

    `hosts` says where origins are served here; as long as none is, the page is left as it is.
    """

    def shown(event: Event) -> Mapping[str, Any]:
        answer = page(event)
        if not hosts or "body" not in answer:
            return answer
        headers = {
            name: value.replace(_FRAMED_BY_NOBODY, _FRAMED_HERE)
            for name, value in answer["headers"].items()
        }
        return {**answer, "headers": headers, "body": _leading_here(answer["body"], hosts, auth0)}

    return shown


def _leading_here(body: str, hosts: Mapping[str, str], auth0: str) -> str:
    for origin, here in hosts.items():
        body = body.replace(f'href="{origin}/', f'href="{here}/')
    return body.replace("</main>", f"{_MAIL.format(auth0)}</main>", 1)
