"""How what this release puts into a tenant, or an account, is called there, and what it calls."""

from customerlink.model.actions import LOGIN


def action_name(name: str, trigger: str) -> str:
    """Return the name in Auth0 of a trigger's Action; that of the Login flow has none beside it."""
    return name if trigger == LOGIN else f"{name} ({trigger})"


def endpoint(url: str, trigger: str) -> str:
    """Return the address that a trigger's Action calls, beside the Login flow's."""
    return f"{url.removesuffix(f'/{LOGIN}')}/{trigger}"


def sync_name(stack: str) -> str:
    """Return what a stack's event stream, and its event destination, are called."""
    return f"customerlink/{stack}"
