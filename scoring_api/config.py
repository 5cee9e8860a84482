"""The numbers a deployment may want to turn; the defaults are the documented contract."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the service.

    Parameters
    ----------
    body_bytes, batch_bytes : int
        Largest request body, and largest body of a batch.
    batch_lines : int
        Return lines in one batch.
    concurrency : int
        Requests worked on at once; one more is refused with 503 and ``Retry-After``.
    rate, feedback_rate : str
        Requests per API key and operation, in the notation of ``limits`` (``"1000/second"``).
    key_cache_seconds : float
        How long a looked-up API key is trusted: a revocation is honoured after at most this.
    reload_seconds : float
        How often the bundle's manifest is looked at.
    drain_seconds : float
        Between SIGTERM (``/readyz`` says 503) and refusing new connections.
    seal_seconds : float
        How long pushed events gather in the inbox before a batch goes to the lake.
    advice_hours : float
        Age at which a recommendation expires.
    idempotency_hours : float
        How long a repeated ``Idempotency-Key`` gets the first answer again.
    """

    body_bytes: int = MIB
    batch_bytes: int = 16 * MIB
    batch_lines: int = 1000
    concurrency: int = 128
    rate: str = "2000/second"
    feedback_rate: str = "50/second"
    key_cache_seconds: float = 2.0
    reload_seconds: float = 2.0
    drain_seconds: float = 1.0
    seal_seconds: float = 5.0
    advice_hours: float = 24.0
    idempotency_hours: float = 24.0
