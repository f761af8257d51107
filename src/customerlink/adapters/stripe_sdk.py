"""The Stripe SDK."""

from customerlink.unneeded import without

# Its asynchronous client's: 12 ms of a cold start.
with without("asyncio"):
    import stripe

__all__ = ["stripe"]
