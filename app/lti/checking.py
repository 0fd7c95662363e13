"""A test of a registered platform: its keys, an access token for scores, and its clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.db.base import now
from app.db.engine import Database
from app.lti import outgoing
from app.lti.keys import BACKDATED
from app.lti.models import Platform
from app.lti.outgoing import PlatformAway, PlatformRefused
from app.lti.platform_keys import rsa_keys
from app.lti.score_service import Address, ScoreService
from app.problems import Problem


class Step(StrEnum):
    """What is tested."""

    KEYS = "keys"
    """Its key address publishes keys with which launches can be verified."""
    CLOCK = "clock"
    """Its clock differs from ours by at most a minute."""
    TOKEN = "token"  # noqa: S105 - no secret
    """Its token address gives a token for sending scores, so it knows our keys and allows the service."""


@dataclass(frozen=True)
class Finding:
    """One step, whether it passed, and what the platform answered."""

    step: Step
    passed: bool
    answer: str


def check(database: Database, platform: Platform) -> list[Finding]:
    """Ask the platform, without changing anything at it or here. Not for a thread with a loop."""
    return [*_keys(platform), _token(database, platform)]


def _keys(platform: Platform) -> list[Finding]:
    try:
        answer = outgoing.request("GET", platform.jwks_url)
        count = len(rsa_keys(answer.json_object(platform.jwks_url)))
    except (PlatformAway, PlatformRefused) as error:
        return [Finding(Step.KEYS, False, str(error))]
    findings = [Finding(Step.KEYS, count > 0, str(count))]
    if answer.date is not None:
        ahead = (answer.date - now()).total_seconds()
        findings.append(Finding(Step.CLOCK, abs(ahead) <= BACKDATED.total_seconds(), f"{ahead:+.0f} s"))
    return findings


def _token(database: Database, platform: Platform) -> Finding:
    try:
        ScoreService(database).token(Address.of(platform))
    except (PlatformAway, PlatformRefused, Problem) as error:
        return Finding(Step.TOKEN, False, str(error))
    return Finding(Step.TOKEN, True, "")
