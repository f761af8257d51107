"""The stand-ins' pages that a person sees: Auth0's log-in, Stripe's payment."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from werkzeug.wrappers import Response

# Shown in a frame by the sandbox's own pages, and by nobody else's.
GUARDED = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
        "frame-ancestors http://127.0.0.1:*"
    ),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
}
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
)


def rendered(name: str, **values: Any) -> str:  # noqa: ANN401 (of a template)
    """Return a page's text."""
    return _TEMPLATES.get_template(f"{name}.html").render(**values)


def page(name: str, status: int = 200, **values: Any) -> Response:  # noqa: ANN401
    """Return a page that no stranger frames."""
    html = rendered(name, **values)
    return Response(html, status, GUARDED, content_type="text/html; charset=utf-8")
