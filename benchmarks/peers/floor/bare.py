"""The least that any function is: a handler that does nothing, and no import."""


def handler(_event: object, _context: object) -> dict[str, int]:
    """Do nothing."""
    return {"statusCode": 200}
