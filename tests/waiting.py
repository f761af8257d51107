"""Who waits for a turn while something is leased for which a person's log-in waits."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from customerlink.adapters.dynamodb.token_bucket import SharedTokenBucket
from sandbox.aws import Aws


@contextmanager
def nobody_waits(cloud: Aws, patch: pytest.MonkeyPatch, *prefixes: str) -> Iterator[list[str]]:
    """Look at every turn that is taken; give the turns, and expect none under a lease."""
    turns: list[str] = []
    found: list[str] = []
    take = SharedTokenBucket.take

    def watched(bucket: SharedTokenBucket) -> None:
        turns.append(bucket._key["pk"]["S"])
        found.extend(held(cloud, prefixes or ("signup#",)))
        take(bucket)

    patch.setattr(SharedTokenBucket, "take", watched)
    yield turns
    assert found == []


def held(cloud: Aws, prefixes: tuple[str, ...]) -> Iterator[str]:
    """Return what is leased of these kinds, or locked."""
    for each in cloud.items():
        until = float(str(each.get("lease_until", 0)))
        if str(each["pk"]).startswith(prefixes) and until > time.time():
            yield str(each["pk"])
