"""The policy as data: complete, reasoned, and overridable where a course may."""

from __future__ import annotations

import errno
import tomllib

import pytest
from pydantic import ValidationError

from grader.sandbox import policy, seccomp


def test_every_entry_has_a_reason() -> None:
    shipped = policy.default()
    assert all(group.reason for group in shipped.allow)
    assert all(rule.reason for rule in shipped.rule)
    lines = policy.FILE.read_text().splitlines()
    begin = lines.index("[limits]") + 1
    limits = [line for line in lines[begin : lines.index("[[allow]]")] if " = " in line or line.startswith('    "')]
    assert limits
    for line in limits:
        assert "#" in line or line == "read = [", line


def test_no_name_stands_twice() -> None:
    shipped = policy.default()
    names = [*shipped.allowed, *{rule.name for rule in shipped.rule}, *shipped.absent.names, *shipped.kill.names]
    assert len(names) == len(set(names))


def test_every_value_of_a_rule_is_known() -> None:
    for rule in policy.default().rule:
        names = [*rule.deny_any_bit, *rule.deny_all_bits, *rule.need_all_bits, *rule.one_of]
        assert all(isinstance(value, int) or value in seccomp.CONSTANTS for value in names), rule
        conditions = [rule.deny_any_bit, rule.deny_all_bits, rule.need_all_bits, rule.one_of, rule.own_pid, rule.null]
        assert sum(map(bool, conditions)) == 1, rule
        assert hasattr(errno, rule.errno), rule


def test_an_assignment_overrides_limits() -> None:
    limits = policy.default().limits
    changed = limits.override({"cpu_seconds": 5, "memory_mb": 100})
    assert (changed.cpu_seconds, changed.memory_mb, changed.open_files) == (5, 100, limits.open_files)


@pytest.mark.parametrize("values", [{"cpu": 5}, {"cpu_seconds": 0}, {"memory_mb": -1}, {"threads": "many"}])
def test_what_is_no_limit_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        policy.default().limits.override(values)


def test_an_unknown_system_call_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tomllib.loads(policy.FILE.read_text())
    data["kill"]["names"].append("no_such_call")
    monkeypatch.setattr(tomllib, "loads", lambda text: data)
    policy.default.cache_clear()
    with pytest.raises(ValueError, match="no_such_call"):
        policy.default()
    monkeypatch.undo()
    policy.default.cache_clear()


def test_a_drill_leaves_layers_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(policy.DRILL, "seccomp, landlock")
    assert policy.from_environment().without == {"seccomp", "landlock"}
    monkeypatch.setenv(policy.DRILL, "")
    assert policy.from_environment() is policy.default()
    monkeypatch.setenv(policy.DRILL, "seccomp,walls")
    with pytest.raises(ValueError, match="walls"):
        policy.from_environment()
