"""From a scorer's words to a recommendation that is numbered, stored and audited."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingestion.database import RECOMMENDATIONS
from scoring_api.audit import AuditFact, canonical, fingerprint
from scoring_api.desk import GROUP
from scoring_api.journal import Claim, Effect, Reply
from scoring_api.payloads import ReturnLine
from scoring_api.problems import Problem
from scoring_api.service import Principal, Service


@dataclass(frozen=True, slots=True)
class Given:
    """One recommendation about to be given: the answer and the hash of what was asked."""

    answer: dict[str, Any]
    input_hash: str
    site: str
    given_at: datetime
    expires_at: datetime


def new_id(prefix: str, at: datetime) -> str:
    """An id that sorts by time: 48 bits of milliseconds, 80 random bits."""
    return f"{prefix}_{int(at.timestamp() * 1000):012x}{secrets.token_hex(10)}"


def require_site(principal: Principal, site: str) -> None:
    """Refuse a line of a site the caller may not see.

    Raises
    ------
    Problem
        403.
    """
    if not principal.may_see(site):
        raise Problem(403, f"This API key does not cover the site {site!r}.")


async def advise(service: Service, lines: Sequence[ReturnLine]) -> list[Given | Problem]:
    """Score lines in small groups, in order; a line the scorer fails on is a problem alone."""
    given: list[Given | Problem] = []
    for start in range(0, len(lines), GROUP):
        group = lines[start : start + GROUP]
        given.extend(await _advise_group(service, group))
    return given


def to_effect(
    service: Service, given: Sequence[Given], reply: Reply, *, caller: str, claim: Claim | None
) -> Effect:
    """Everything that has to be stored before these recommendations may be answered."""
    rows = [(RECOMMENDATIONS, _to_row(item, caller=caller)) for item in given]
    return Effect(
        at=service.now(),
        reply=reply,
        rows=rows,
        audit=[_to_fact(item, caller=caller) for item in given],
        claim=claim,
    )


def to_body(content: object) -> bytes:
    """JSON as it goes over the wire and into the store."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


async def _advise_group(service: Service, lines: Sequence[ReturnLine]) -> list[Given | Problem]:
    moments = {line.as_of for line in lines}
    if len(moments) == 1:
        try:
            scored = await service.desk.score(
                [line.to_line() for line in lines], as_of=lines[0].as_of
            )
        except Problem as problem:
            return [problem for _ in lines]
        except Exception:
            if len(lines) == 1:
                raise
        else:
            return [
                _give(service, line, parts) for line, parts in zip(lines, scored, strict=True)
            ]
    return [item for line in lines for item in await _advise_alone(service, line)]


async def _advise_alone(service: Service, line: ReturnLine) -> list[Given | Problem]:
    try:
        return await _advise_group(service, [line])
    except Exception:  # told to this line only; the others of its batch go on
        return [Problem(500, f"The models failed on {line.return_line_id!r}.")]


def _give(service: Service, line: ReturnLine, parts: dict[str, Any]) -> Given:
    now = service.now()
    expires = now + timedelta(hours=service.limits.advice_hours)
    answer = {
        "recommendation_id": new_id("rec", now),
        "return_line_id": line.return_line_id,
        **parts,
        "given_at": now.isoformat(),
        "expires_at": expires.isoformat(),
    }
    if ignored := line.ignored():
        answer["ignored"] = ignored
    service.metrics.count_answer(answer)
    asked = canonical(line.model_dump(mode="json", exclude_unset=True))
    return Given(answer, fingerprint(asked), line.site, now, expires)


def _to_row(item: Given, *, caller: str) -> dict[str, Any]:
    return {
        "recommendation_id": item.answer["recommendation_id"],
        "return_line_id": item.answer["return_line_id"],
        "site": item.site,
        "caller": caller,
        "given_at": item.given_at,
        "expires_at": item.expires_at,
        "input_hash": item.input_hash,
        "models": canonical(_models(item.answer)),
        "answer": to_body(item.answer).decode(),
    }


def _to_fact(item: Given, *, caller: str) -> AuditFact:
    details = {
        "input": item.input_hash,
        "output": fingerprint(to_body(item.answer)),
        "models": _models(item.answer),
        "route": (item.answer.get("policy") or {}).get("route"),
    }
    subject = item.answer["recommendation_id"]
    return AuditFact(item.given_at, caller, "recommendation given", subject, details)


def _models(answer: dict[str, Any]) -> dict[str, str]:
    return {
        question: f"{part['model']} {part['version']}"
        for question, part in answer.items()
        if isinstance(part, dict) and "model" in part and "version" in part
    }
