"""The Stripe SDK."""

from customerlink.adapters.slim_imports import without

# Its asynchronous client's: 12 ms of a cold start.
with without("asyncio"):
    import stripe

__all__ = ["stripe"]
