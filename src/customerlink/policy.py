"""The choices of a deployment.

What a business may want different about a sign-up belongs here, each choice a field with the
default first: verified email, provisioning at checkout, adoption of existing customers, existing
users, and what an outage does. So far there is one.
"""

from dataclasses import dataclass

DENIAL_MESSAGE = "We could not create your account.\nPlease contact support for assistance."


@dataclass(frozen=True, slots=True)
class Policy:
    """What a deployment chose; the defaults are the recommended choices."""

    denial_message: str = DENIAL_MESSAGE
