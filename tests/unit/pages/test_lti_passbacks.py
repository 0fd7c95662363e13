"""The staff's page of what is passed back to platforms."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.lti.models import Delivery, LineItem, Passback
from app.lti.registration import register
from app.pages import lti_passbacks
from app.users.models import Role, User
from tests.integration.lti_platform import SCHOOL
from tests.unit.pages.conftest import Course


@pytest.mark.parametrize(("rows", "more"), [(5, None), (6, None), (3, "And 2 more.")])
def test_a_large_class_is_listed_in_part_and_the_rest_counted(
    course: Course, monkeypatch: pytest.MonkeyPatch, rows: int, more: str | None
) -> None:
    monkeypatch.setattr(lti_passbacks, "_ROWS", rows)
    course.enrol(5, 1)
    with course.database.write() as session:
        platform = register(session, SCHOOL, allow_local=False, actor="test")
        item = LineItem(platform_id=platform.id, url="https://school.example.edu/1", slug="hw13", context="")
        session.add(item)
        session.flush()
        for user in session.scalars(select(User.id).where(User.role == Role.STUDENT)):
            session.add(Passback(line_item_id=item.id, user_id=user, subject=str(user), state=Delivery.WAITING))
    shown = course.get("/dashboard/hw13/lti").text
    assert shown.count('<th scope="row">') == min(rows, 5)
    assert more in shown if more else "more." not in shown
