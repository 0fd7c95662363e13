"""The form of an assignment's title, schedule and rules: its fields as text, read into typed values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timezone
from typing import Any, get_args

from grader.assignment import Assignment, LateRule, Question, ReviewRules, Schedule, Tell

TELL = "tell-"
"""The beginning of the names of the fields that say when the result of one question is told."""
POINTS = "points-"
"""The beginning of the names of the fields with the points of one question."""
KEEP: tuple[str, ...] = get_args(Schedule.model_fields["keep"].annotation)
GRADEBOOK: tuple[str, ...] = get_args(Schedule.model_fields["gradebook"].annotation)
HIDE_NAMES = ("no", "yes")
_LANGUAGES = {"title": "en", "title_zh": "zh-Hant"}
_ZONE = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MOST_GRACE, MOST_ATTEMPTS, MOST_DAYS, MOST_TITLE, MOST_POINTS = 14 * 24 * 60, 1000, 365, 200, 1000


@dataclass
class SettingsForm:
    """What was typed, by field, and by field which mistake it has: the end of a text's key."""

    values: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    title: dict[str, str] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)
    tells: dict[str, Tell | None] = field(default_factory=dict)
    review: ReviewRules = field(default_factory=ReviewRules)
    points: dict[str, float] = field(default_factory=dict)


def values_of(assignment: Assignment) -> dict[str, str]:
    """The fields of an assignment as it is."""
    schedule = assignment.schedule
    zone = (schedule.deadline or schedule.opens or datetime(2000, 1, 1, tzinfo=UTC)).strftime("%z")
    zone = f"{zone[:3]}:{zone[3:5]}"
    texts = {name: assignment.title.get(language, "") for name, language in _LANGUAGES.items()}
    return texts | {
        "zone": zone,
        "opens": _local(schedule.opens, zone),
        "deadline": _local(schedule.deadline, zone),
        "grace_minutes": str(schedule.grace_minutes),
        "late_percent": f"{schedule.late.percent_per_day:g}" if schedule.late else "",
        "late_days": str(schedule.late.most_days) if schedule.late else "",
        "attempts_per_day": str(schedule.attempts_per_day),
        "keep": schedule.keep,
        "gradebook": schedule.gradebook,
        "tell": schedule.tell or "",
        "hide_names": HIDE_NAMES[assignment.review.hide_names],
        "second_reading_percent": f"{assignment.review.second_reading_percent:g}",
        **{f"{POINTS}{question.number}": f"{question.points:g}" for question in assignment.questions},
        **{f"{TELL}{question.number}": question.tell or "" for question in assignment.questions},
    }


def read(values: Mapping[str, str], assignment: Assignment) -> SettingsForm:
    """Read the fields of a form; every mistake stands at its field."""
    values = {name: values.get(name, "").strip() for name in values_of(assignment)}
    form = SettingsForm(values)
    form.title = {language: text for language, text in assignment.title.items() if language not in _LANGUAGES.values()}
    for name, language in _LANGUAGES.items():
        if _CONTROL.search(values[name]) or len(values[name]) > MOST_TITLE:
            form.errors[name] = "title"
        elif values[name]:
            form.title[language] = values[name]
        elif language == "en":
            form.errors[name] = "required"
    # The order of the languages is that of the file.
    form.title = {name: form.title[name] for name in [*assignment.title, *form.title] if name in form.title}
    zone = _zone(form)
    times = {name: _time(form, name, zone) for name in ("opens", "deadline")}
    numbers = {
        "grace_minutes": _whole(form, "grace_minutes", 0, MOST_GRACE),
        "attempts_per_day": _whole(form, "attempts_per_day", 1, MOST_ATTEMPTS),
    }
    chosen = {name: _chosen(form, name, options) for name, options in (("keep", KEEP), ("gradebook", GRADEBOOK))}
    late = _late(form)
    tell = _tell(form, "tell")
    hides_names = _chosen(form, "hide_names", HIDE_NAMES) == HIDE_NAMES[True]
    second = _percent(form, "second_reading_percent")
    form.tells = {question.number: _tell(form, f"{TELL}{question.number}") for question in assignment.questions}
    form.points = {question.number: _points(form, question) for question in assignment.questions}
    _check_together(form, times, numbers["grace_minutes"], late)
    if not form.errors:
        data: dict[str, Any] = {**times, **numbers, **chosen, "late": late, "tell": tell}
        form.schedule = Schedule(**data)
        form.review = ReviewRules(hide_names=hides_names, second_reading_percent=second)
    return form


def _check_together(
    form: SettingsForm, times: Mapping[str, datetime | None], grace: int, late: LateRule | None
) -> None:
    opens, deadline = times["opens"], times["deadline"]
    if opens is not None and deadline is not None and opens >= deadline:
        form.errors.setdefault("opens", "opens_late")
    if deadline is None and "deadline" not in form.errors:
        if grace:
            form.errors.setdefault("grace_minutes", "no_deadline")
        if late is not None:
            form.errors.setdefault("late_percent", "no_deadline")
        for name in [name for name in form.values if name == "tell" or name.startswith(TELL)]:
            if form.values[name] == Tell.AFTER_DEADLINE:
                form.errors.setdefault(name, "no_deadline")


def _zone(form: SettingsForm) -> timezone:
    match = _ZONE.fullmatch(form.values["zone"])
    if match is None:
        form.errors["zone"] = "zone"
        return UTC
    return datetime.fromisoformat(f"2000-01-01T00:00{match[0]}").tzinfo  # type: ignore[return-value]


def _time(form: SettingsForm, name: str, zone: timezone) -> datetime | None:
    if not form.values[name]:
        return None
    try:
        moment = datetime.fromisoformat(form.values[name])
        if moment.tzinfo is not None or not 2000 <= moment.year < 2100:
            raise ValueError
    except ValueError:
        form.errors[name] = "time"
        return None
    return moment.replace(tzinfo=zone)


def _whole(form: SettingsForm, name: str, least: int, most: int) -> int:
    text = form.values[name]
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        form.errors[name] = name
        return least
    return int(text)


def _late(form: SettingsForm) -> LateRule | None:
    if not form.values["late_percent"] and not form.values["late_days"]:
        return None
    days = _whole(form, "late_days", 1, MOST_DAYS)
    percent = _percent(form, "late_percent")
    return LateRule(percent_per_day=percent, most_days=days)


def _points(form: SettingsForm, question: Question) -> float:
    name = f"{POINTS}{question.number}"
    text = form.values[name]
    if text == f"{question.points:g}":
        # The file may have more decimals than the form shows.
        return question.points
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})?", text) or float(text) > MOST_POINTS:
        form.errors[name] = "points"
        return question.points
    return float(text)


def _percent(form: SettingsForm, name: str) -> float:
    text = form.values[name]
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,4})?", text) or float(text) > 100:
        form.errors[name] = name
        return 0.0
    return float(text)


def _chosen(form: SettingsForm, name: str, options: tuple[str, ...]) -> str:
    if form.values[name] not in options:
        form.errors[name] = "option"
    return form.values[name]


def _tell(form: SettingsForm, name: str) -> Tell | None:
    if form.values[name] not in ("", *Tell):
        form.errors[name] = "option"
        return None
    return Tell(form.values[name]) if form.values[name] else None


def _local(moment: datetime | None, zone: str) -> str:
    if moment is None:
        return ""
    local = moment.astimezone(datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo)
    return local.replace(tzinfo=None, microsecond=0).isoformat()
