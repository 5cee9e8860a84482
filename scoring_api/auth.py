"""Who is asking: API keys as bearer tokens, what they may see, how often they may ask."""

import asyncio
import hmac
import time
from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy.engine import Engine

from scoring_api.keys import EMPTY_HASH, ApiKey, find_key, hash_secret, pepper, split_key
from scoring_api.problems import Problem

_REALM = 'Bearer realm="retrace"'
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a valid key; ``sites`` is None for all sites."""

    key_id: str
    sites: frozenset[str] | None

    def may_see(self, site: str | None) -> bool:
        """Whether a row of this site may reach the caller."""
        return self.sites is None or site in self.sites


class Authenticator:
    """Turns an ``Authorization`` header into a principal; remembers keys for a few seconds.

    Parameters
    ----------
    remember_seconds : float
        Longest time a revoked key may still be honoured.
    """

    def __init__(self, engine: Engine, *, remember_seconds: float) -> None:
        self._engine = engine
        self._pepper = pepper(engine)
        self._remember_seconds = remember_seconds
        self._known: dict[str, tuple[float, ApiKey | None]] = {}
        self._looking_up = asyncio.Lock()

    async def principal(self, authorization: str | None) -> Principal:
        """Answer who is asking.

        Raises
        ------
        Problem
            401, with ``WWW-Authenticate``.
        """
        if not authorization:
            raise _refused("This needs an API key: Authorization: Bearer KEY", error=None)
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _refused("The authorization scheme must be Bearer.")
        parts = split_key(credentials.strip())
        if parts is None:
            raise _refused("The bearer token does not have the form of an API key.")
        key_id, secret = parts
        key = await self._find(key_id)
        expected = key.secret_hash if key else EMPTY_HASH
        genuine = hmac.compare_digest(hash_secret(secret, pepper=self._pepper), expected)
        if key is None or not genuine or key.revoked_at is not None:
            raise _refused("The API key is unknown or revoked.")
        return Principal(key_id=key.key_id, sites=key.sites)

    async def _find(self, key_id: str) -> ApiKey | None:
        known = self._known.get(key_id)
        if known and known[0] > time.monotonic():
            return known[1]
        async with self._looking_up:
            known = self._known.get(key_id)
            if known and known[0] > time.monotonic():
                return known[1]
            key = await asyncio.to_thread(find_key, self._engine, key_id)
            if len(self._known) >= _REMEMBERED:  # guessed ids must not fill the memory
                self._known.clear()
            self._known[key_id] = (time.monotonic() + self._remember_seconds, key)
            return key


class RateLimiter:
    """Requests per principal and operation, in fixed windows."""

    def __init__(self, *, default: str, special: dict[str, str]) -> None:
        self._default = parse(default)
        self._special = {operation: parse(rate) for operation, rate in special.items()}
        self._windows = FixedWindowRateLimiter(MemoryStorage())

    def hit(self, principal: Principal, operation: str) -> None:
        """Count a request.

        Raises
        ------
        Problem
            429, with ``Retry-After``.
        """
        rate: RateLimitItem = self._special.get(operation, self._default)
        if self._windows.hit(rate, principal.key_id, operation):
            return
        reset = self._windows.get_window_stats(rate, principal.key_id, operation).reset_time
        wait = max(1, round(reset - time.time()))
        raise Problem(
            429,
            f"This key may ask {operation} at most {rate.amount} times "
            f"per {rate.get_expiry()} s. Try again in {wait} s.",
            headers={"Retry-After": str(wait)},
        )


def _refused(detail: str, *, error: str | None = "invalid_token") -> Problem:
    challenge = _REALM if error is None else f'{_REALM}, error="{error}"'
    return Problem(401, detail, headers={"WWW-Authenticate": challenge})
