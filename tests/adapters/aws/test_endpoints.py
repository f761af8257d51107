"""Host names against botocore's rules: every region of every partition, by every setting."""

from typing import Any

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.session import get_session

from customerlink.adapters.aws.endpoints import endpoint

LOADER = get_session().get_component("data_loader")
PARTITIONS: dict[str, Any] = LOADER.load_data("partitions")
REGIONS = [
    region
    for partition in PARTITIONS["partitions"]
    for region in partition["regions"]
    if not region.endswith("-global")
]
TO_COME = [
    "us-west-9",
    "eu-new-1",
    "cn-east-9",
    "eusc-de-west-9",
    "us-gov-west-9",
    "us-iso-south-9",
]
TO_COME += ["us-isob-south-9", "eu-isoe-south-9", "us-isof-west-9"]
"""Regions that there are not yet: their partition is known by their names."""
SERVICES = ["dynamodb", "lambda", "secretsmanager"]
SETTINGS = [(fips, dual) for fips in (False, True) for dual in (False, True)]


def by_botocore(service: str, region: str, *, fips: bool, dual: bool) -> str:
    """Resolve an endpoint by the service's own rules."""
    rules = LOADER.load_service_model(service, "endpoint-rule-set-1")
    provider: Any = EndpointProvider(rules, PARTITIONS)
    resolved = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual)
    return f"{resolved.url}/"


@pytest.mark.parametrize(("fips", "dual"), SETTINGS)
@pytest.mark.parametrize("service", SERVICES)
def test_every_region(service: str, *, fips: bool, dual: bool) -> None:
    """The same address, name by name."""
    environment = {
        "AWS_USE_FIPS_ENDPOINT": str(fips).lower(),
        "AWS_USE_DUALSTACK_ENDPOINT": str(dual).lower(),
    }
    ours = {each: endpoint(service, each, environment) for each in [*REGIONS, *TO_COME]}

    assert ours == {each: by_botocore(service, each, fips=fips, dual=dual) for each in ours}
    assert len(REGIONS) > 40


def test_every_partition_is_among_them() -> None:
    """A new one of AWS's fails here first."""
    assert {each["id"] for each in PARTITIONS["partitions"]} == {
        *("aws", "aws-cn", "aws-eusc", "aws-us-gov"),
        *("aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"),
    }


@pytest.mark.parametrize("value", ["", "false", "0", "yes", "1"])
def test_what_is_no_yes(value: str) -> None:
    """Nothing but `true` is one, in any letter case, as for the SDKs."""
    usual = endpoint("dynamodb", "eu-west-1", {})

    assert endpoint("dynamodb", "eu-west-1", {"AWS_USE_FIPS_ENDPOINT": value}) == usual
    assert endpoint("dynamodb", "eu-west-1", {"AWS_USE_FIPS_ENDPOINT": "True"}) != usual
