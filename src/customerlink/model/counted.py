"""A number with what it counts, for people."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number and its noun: `1 user`, `1,200 users`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
