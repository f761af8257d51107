"""AWS's host names, of the services that a sign-up calls, as botocore's rules have them.

Region, partition and two settings make a name: FIPS 140, and dual stack (IPv4 and IPv6). The rules
have exceptions, which are all here; tests/adapters/aws/test_endpoints.py asks botocore about each
region that it knows.
"""

from collections.abc import Mapping

from customerlink.model.frozen import frozen


@frozen
class Partition:
    """A part of AWS with regions, and names, of its own."""

    name: str
    prefix: str
    """Of its regions' names."""
    suffix: str
    """Of its hosts' names."""
    dual_stack: str
    """Likewise, of those that IPv6 reaches too."""


_PARTITIONS = (
    Partition("aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    Partition("aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    Partition("aws-us-gov", "us-gov-", "amazonaws.com", "api.aws"),
    Partition("aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    Partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    Partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    Partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    Partition("aws", "", "amazonaws.com", "api.aws"),
)

_ONE_NAME_FOR_BOTH_STACKS = {
    ("secretsmanager", "aws", False),
    ("secretsmanager", "aws", True),
    ("secretsmanager", "aws-us-gov", False),
    ("secretsmanager", "aws-us-gov", True),
    ("secretsmanager", "aws-cn", False),
}
"""Service, partition, and whether by FIPS: its usual name is reached by IPv6 too."""

_ONE_NAME_FOR_FIPS = {("dynamodb", "aws-us-gov", False)}
"""Service, partition, and whether by dual stack: its usual name is FIPS' too."""


def endpoint(service: str, region: str, environment: Mapping[str, str]) -> str:
    """Return a service's address by the variables that all SDKs read.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html
    """
    is_fips, is_dual = (
        environment.get(f"AWS_USE_{name}_ENDPOINT", "").lower() == "true"
        for name in ("FIPS", "DUALSTACK")
    )
    partition = next(each for each in _PARTITIONS if region.startswith(each.prefix))
    if (service, partition.name, is_dual) in _ONE_NAME_FOR_FIPS:
        is_fips = False
    if (service, partition.name, is_fips) in _ONE_NAME_FOR_BOTH_STACKS:
        is_dual = False
    suffix = partition.dual_stack if is_dual else partition.suffix
    return f"https://{service}{'-fips' if is_fips else ''}.{region}.{suffix}/"
