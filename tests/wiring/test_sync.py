"""What a deployment sets of the life after the sign-up."""

import pytest

from customerlink.model.errors import ConfigurationError
from customerlink.model.sync_policy import DeletedUsers, MissedSignUps, SyncPolicy
from customerlink.wiring.sync import SyncSettings


def test_defaults() -> None:
    """Nothing is destroyed, and there is no queue."""
    settings = SyncSettings.from_environment({})

    assert settings.policy == SyncPolicy()
    assert settings.policy.deleted_users is DeletedUsers.KEEP
    assert settings.missed_sign_ups is MissedSignUps.REPORT
    assert (settings.queue, settings.dead_letters) == ("", "")


def test_what_is_set() -> None:
    """Each policy by its own name."""
    environment = {
        "CUSTOMERLINK_EMAIL_CHANGES": "any",
        "CUSTOMERLINK_EDITED_CUSTOMERS": "restore",
        "CUSTOMERLINK_DELETED_CUSTOMERS": "recreate",
        "CUSTOMERLINK_DELETED_USERS": "delete",
        "CUSTOMERLINK_DELETED_USERS_DAYS": "7",
        "CUSTOMERLINK_DELETIONS_PER_DAY": "3",
        "CUSTOMERLINK_MISSED_SIGNUPS": "provision",
    }
    settings = SyncSettings.from_environment(environment)
    policy = settings.policy

    assert (policy.email_changes, policy.edited_customers) == ("any", "restore")
    assert (policy.deleted_customers, policy.deleted_users) == ("recreate", "delete")
    assert (policy.deleted_users_days, policy.deletions_per_day) == (7, 3)
    assert settings.missed_sign_ups is MissedSignUps.PROVISION


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL_CHANGES", "Any"),
        ("EDITED_CUSTOMERS", "overwrite"),
        ("DELETED_CUSTOMERS", "delete"),
        ("DELETED_USERS", "clear"),
        ("MISSED_SIGNUPS", "yes"),
        *(("DELETED_USERS_DAYS", each) for each in ("0", "366", "-1", "a", "1.5", "\u00b2")),
        *(("DELETIONS_PER_DAY", each) for each in ("0", "10001", "fifty")),
    ],
)
def test_what_is_none(name: str, value: str) -> None:
    """Is named, and its value is not; a policy that nobody knows is no default."""
    with pytest.raises(ConfigurationError) as told:
        SyncSettings.from_environment({f"CUSTOMERLINK_{name}": value})

    assert str(told.value) == f"missing or wrong: CUSTOMERLINK_{name}"
