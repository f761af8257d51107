"""The npm package dynalite as a second, independent DynamoDB."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from mypy_boto3_dynamodb import DynamoDBClient

from sandbox.aws import REGION, create_ledger

_HOST = Path(__file__).with_suffix(".js")


@contextmanager
def dynalite() -> Iterator[tuple[str, DynamoDBClient]]:
    """Run it with an empty ledger; return its address, and a client."""
    with subprocess.Popen(["node", str(_HOST)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
        client = session.client("dynamodb", endpoint_url=url)
        create_ledger(client)
        try:
            yield url, client
        finally:
            process.terminate()
