"""From a scorer's words to a recommendation that is numbered, stored and audited."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from ingestion.database import RECOMMENDATIONS
from scoring_api.audit import AuditFact, canonical, fingerprint
from scoring_api.auth import Principal
from scoring_api.desk import GROUP, Parts, Task
from scoring_api.journal import Claim, Effect, Reply
from scoring_api.payloads import ReturnLine
from scoring_api.problems import Problem
from scoring_api.service import Service


@dataclass(frozen=True, slots=True)
class Given:
    """One recommendation: the line it is for, the answer, and the answer as it is sent."""

    line: ReturnLine
    answer: dict[str, Any]
    body: bytes
    at: datetime
    expires_at: datetime


def new_id(prefix: str, at: datetime) -> str:
    """An id that sorts by time: 48 bits of milliseconds, 80 random bits."""
    return f"{prefix}_{int(at.timestamp() * 1000):012x}{random.getrandbits(80):020x}"


def require_site(principal: Principal, site: str) -> None:
    """Refuse a line of a site the caller may not see.

    Raises
    ------
    Problem
        403.
    """
    if not principal.may_see(site):
        raise Problem(403, f"This API key does not cover the site {site!r}.")


async def advise(service: Service, line: ReturnLine, *, caller: str, claim: Claim | None) -> Reply:
    """Score a line, store the recommendation and its audit row, and answer."""

    def finish(parts: list[Parts]) -> Effect:
        given = give(service, line, parts[0])
        return to_effect(service, [given], Reply(200, given.body), caller=caller, claim=claim)

    return await service.desk.perform(Task(finish, [line.to_line(service.now())]))


async def advise_many(service: Service, lines: Sequence[ReturnLine]) -> list[Given | Problem]:
    """Score lines in small groups, in order, storing nothing yet; a bad line fails alone."""
    given: list[Given | Problem] = []
    for start in range(0, len(lines), GROUP):
        given.extend(await _advise_group(service, lines[start : start + GROUP]))
    return given


def give(service: Service, line: ReturnLine, parts: Parts) -> Given:
    """Number and date the scorer's answer, and count it."""
    now = service.now()
    expires = now + timedelta(hours=service.limits.advice_hours)
    answer = {
        "recommendation_id": new_id("rec", now),
        "return_line_id": line.return_line_id,
        **parts,
        "given_at": now,
        "expires_at": expires,
    }
    if ignored := line.ignored():
        answer["ignored"] = ignored
    service.metrics.count_answer(answer)
    return Given(line, answer, orjson.dumps(answer), now, expires)


def to_effect(
    service: Service, given: Sequence[Given], reply: Reply, *, caller: str, claim: Claim | None
) -> Effect:
    """Everything that has to be stored before these recommendations may be answered."""
    rows, facts = [], []
    for item in given:
        asked = fingerprint(canonical(item.line.to_line(item.at)))
        models = _models(item.answer)
        rows.append((RECOMMENDATIONS, _to_row(item, asked, models, caller=caller)))
        facts.append(_to_fact(item, asked, models, caller=caller))
    return Effect(at=service.now(), reply=reply, rows=rows, audit=facts, claim=claim)


async def _advise_group(service: Service, lines: Sequence[ReturnLine]) -> list[Given | Problem]:
    now = service.now()
    try:
        scored = await service.desk.score([line.to_line(now) for line in lines])
    except Problem as problem:
        return [problem for _ in lines]
    except Exception:  # noqa: BLE001 - one of them is to blame: told to that line only
        if len(lines) == 1:
            return [Problem(500, f"The models failed on {lines[0].return_line_id!r}.")]
        return [item for line in lines for item in await _advise_group(service, [line])]
    return [give(service, line, parts) for line, parts in zip(lines, scored, strict=True)]


def _to_row(item: Given, asked: str, models: str, *, caller: str) -> dict[str, Any]:
    return {
        "recommendation_id": item.answer["recommendation_id"],
        "return_line_id": item.line.return_line_id,
        "site": item.line.site,
        "caller": caller,
        "given_at": item.at,
        "expires_at": item.expires_at,
        "input_hash": asked,
        "models": models,
        "answer": item.body.decode(),
    }


def _to_fact(item: Given, asked: str, models: str, *, caller: str) -> AuditFact:
    details = {
        "input": asked,
        "output": fingerprint(item.body),
        "models": models,
        "route": (item.answer.get("policy") or {}).get("route"),
    }
    subject = item.answer["recommendation_id"]
    return AuditFact(item.at, caller, "recommendation given", subject, details)


def _models(answer: dict[str, Any]) -> str:
    return canonical(
        {
            question: f"{part['model']} {part['version']}"
            for question, part in answer.items()
            if isinstance(part, dict) and "model" in part and "version" in part
        }
    )
