"""The signer, against botocore's own."""

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from customerlink.adapters.aws.signature_v4 import Credentials, signed_headers

NAME = st.text(st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=127), min_size=1)


@given(
    key_id=NAME,
    secret=NAME,
    token=st.none() | NAME,
    where=st.tuples(
        st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
        st.sampled_from(["dynamodb", "lambda", "secretsmanager"]),
        st.sampled_from(["/", "/2015-03-31/functions/mail/invocations", "/a%3Ab/%C3%A4-_.~"]),
    ),
    body=st.binary(max_size=500),
)
def test_signature_is_botocores(
    key_id: str, secret: str, token: str | None, where: tuple[str, str, str], body: bytes
) -> None:
    """The same authorization for the same request."""
    region, service, path = where
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": f"{service}.{region}.amazonaws.com",
        "x-amz-target": "DynamoDB_20120810.GetItem",
    }
    url = f"https://{headers['host']}{path}"
    request = AWSRequest("POST", url, headers={**headers}, data=body)
    signer = SigV4Auth(BotocoreCredentials(key_id, secret, token), service, region)
    signer.add_auth(request)
    ours = signed_headers(
        Credentials(key_id, secret, token),
        (region, service),
        request.headers["X-Amz-Date"],
        headers,
        body,
        path,
    )

    assert ours["authorization"] == request.headers["Authorization"]
    assert ours.get("x-amz-security-token") == token


def test_nothing_shows() -> None:
    """In a repr."""
    assert "hidden" not in repr(Credentials("id", "hidden", "hidden"))
