"""Names of courses and of the assignments in them: the name of an assignment says its course.

An assignment of the first course is named as its folder, `hw13`. One of a further course has the course before it,
`ml27.hw13`, so that two courses may use the same name and each address names one assignment.
"""

from __future__ import annotations

FIRST = "main"
"""The course that every installation has."""
SLUG = r"^[a-z0-9][a-z0-9-]{0,15}$"
"""A course's slug."""
LONGEST = 40
"""The longest name of an assignment with its course."""
_DOT = "."


def course_of(assignment: str) -> str:
    """The course of the assignment with this name, whether there is one or not."""
    course, dot, _ = assignment.partition(_DOT)
    return course if dot else FIRST


def own_name(assignment: str) -> str:
    """The name of an assignment within its course."""
    return assignment.rpartition(_DOT)[2]


def full_name(course: str, assignment: str) -> str:
    """The name in the installation of a course's assignment. A name that has its course already stays."""
    return assignment if course == FIRST or _DOT in assignment else f"{course}{_DOT}{assignment}"


def pattern(course: str) -> str:
    """The pattern of SQL's ``LIKE`` that the names of a further course's assignments match."""
    return f"{course}{_DOT}%"


ANY_FURTHER = f"%{_DOT}%"
"""The pattern of SQL's ``LIKE`` that the names of all further courses' assignments match."""
