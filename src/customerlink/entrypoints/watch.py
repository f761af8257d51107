"""The Lambda function that counts, every few minutes, the sign-ups that stay open."""

import os
import time
from functools import cache
from typing import TYPE_CHECKING

import boto3

from customerlink.adapters.dynamodb_ledger import count_open
from customerlink.settings import Settings
from customerlink.telemetry import report_open

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_FOR_SECONDS = 15 * 60
"""A sign-up takes seconds; one that is open for so long waits for its user, or for repair."""


def handler(_event: object, _context: object) -> None:
    """Publish how many sign-ups have been open for a quarter of an hour."""
    settings = Settings.from_environment(os.environ)
    before = time.time() - OPEN_FOR_SECONDS
    report_open(count_open(_dynamodb(), settings.ledger_table, before))


@cache
def _dynamodb() -> "DynamoDBClient":
    return boto3.client("dynamodb")
