"""What an application gets for a grant: `/oauth/token`, `/oauth/revoke` and `/userinfo`."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.auth0.clients import Applications, Refusal
from sandbox.auth0.grants import (
    BAD_REFRESH,
    Body,
    Claims,
    Codes,
    Grant,
    RefreshTokens,
    authenticated,
    narrowed,
)
from sandbox.auth0.tokens import TOKEN_SECONDS, Tokens, claims_of_log_in, profile_of
from sandbox.tenant import Tenant, Transaction

_RENEWAL = "oauth2-refresh-token"

type Json = dict[str, Any]


@dataclass
class TokenEndpoint:
    """Gives tokens for codes and for refresh tokens."""

    tenant: Tenant
    tokens: Tokens
    applications: Applications
    codes: Codes
    renewals: RefreshTokens = field(default_factory=RefreshTokens)

    def grants(self) -> dict[str, Callable[[Body], tuple[Json, int]]]:
        """Return what `POST /oauth/token` takes, by its `grant_type`."""
        return {"authorization_code": self.exchange, "refresh_token": self.renew}

    def exchange(self, body: Body) -> tuple[Json, int]:
        """`POST /oauth/token` with a code."""
        client = authenticated(self.applications, body)
        grant = client if isinstance(client, Refusal) else self.codes.redeem(client, body)
        if isinstance(grant, Refusal):
            return _failed(grant)
        if not self._is_there(grant):
            return _failed(Refusal("invalid_grant", "The user is gone"))
        offline = "offline_access" in grant.asked.scopes
        renewal = {"refresh_token": self.renewals.issue(grant)} if offline else {}
        return self._tokens(grant, grant.asked.query.get("nonce", "")) | renewal, 200

    def renew(self, body: Body) -> tuple[Json, int]:
        """`POST /oauth/token` with a refresh token: the Actions run, and the token rotates."""
        client, token = authenticated(self.applications, body), body.get("refresh_token", "")
        if isinstance(client, Refusal):
            return _failed(client)
        grant = self.renewals.grant_of(client, token)
        if isinstance(grant, Refusal) or not self._is_there(grant):
            return _failed(BAD_REFRESH)
        session, transaction = grant.session, Transaction(_RENEWAL)
        login = self.tenant.log_in(session.user_id, session.connection, transaction)
        if login.decision == "deny":
            return _failed(Refusal("access_denied", login.denial or ""))
        successor = self.renewals.rotate(client, token)
        if isinstance(successor, Refusal):
            return _failed(successor)
        renewed = narrowed(replace(grant, claims=Claims.of(login)), body.get("scope"))
        return self._tokens(renewed) | {"refresh_token": successor}, 200

    def revoke(self, body: Body) -> tuple[Json, int]:
        """`POST /oauth/revoke`: end a refresh token, and those that came of it."""
        client = authenticated(self.applications, body)
        if isinstance(client, Refusal):
            return _failed(client)
        self.renewals.revoke(client, body.get("token", ""))
        return {}, 200

    def user_info(self, token: str) -> Json | None:
        """`/userinfo`: the profile, as far as the token's scopes show it."""
        claims = self.tokens.claims_of(token, self._user_info_audience)
        user_id = str(claims["sub"]) if claims else ""
        if claims is None or user_id not in self.tenant.users:
            return None
        user = self.tenant.users.read(user_id)
        return {"sub": user_id, **profile_of(user, str(claims.get("scope", "")).split())}

    @property
    def _user_info_audience(self) -> str:
        return f"{self.tokens.issuer}userinfo"

    def _tokens(self, grant: Grant, nonce: str = "") -> Json:
        scope = " ".join(grant.asked.scopes)
        granted: Json = {"token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": scope}
        granted["access_token"] = self._access_token(grant, scope)
        if "openid" in grant.asked.scopes:
            granted["id_token"] = self._id_token(grant, nonce)
        return granted

    def _access_token(self, grant: Grant, scope: str) -> str:
        asked = grant.asked
        audiences = [asked.audience] if asked.audience else []
        if "openid" in asked.scopes or not audiences:
            audiences.append(self._user_info_audience)
        ours: Json = {"sub": grant.session.user_id, "azp": asked.client.client_id, "scope": scope}
        ours["aud"] = audiences if len(audiences) > 1 else audiences[0]
        return self.tokens.signed({**grant.claims.of_access, **ours})

    def _id_token(self, grant: Grant, nonce: str) -> str:
        asked, session = grant.asked, grant.session
        ours = claims_of_log_in(
            self.tenant.users.read(session.user_id),
            asked.client.client_id,
            nonce,
            session.since if asked.is_time_asked else None,
            asked.scopes,
        )
        return self.tokens.signed({**grant.claims.of_id, **ours, "sid": session.sid})

    def _is_there(self, grant: Grant) -> bool:
        return grant.session.user_id in self.tenant.users


def _failed(refusal: Refusal) -> tuple[Json, int]:
    status = 401 if refusal.error == "invalid_client" else 403
    return {"error": refusal.error, "error_description": refusal.description}, status
