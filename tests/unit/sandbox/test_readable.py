"""The readable paths never contain the project's packages, wherever they are installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import grader
from grader.sandbox import readable
from grader.sandbox.policy import Policy, default


def policy(*read: Path) -> Policy:
    files = default().files.model_copy(update={"read": tuple(map(str, read))})
    return default().model_copy(update={"files": files})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library folder with the project's packages among others."""
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in ("grader", "app", "reference_models", "numpy", "assay-0.1.0.dist-info"):
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").touch()
    (packages / "_editable_assay.pth").touch()
    (packages / "six.py").touch()
    (tmp_path / "lib" / "libcrypto.so.3").touch()
    (tmp_path / "lib" / "loop").symlink_to(tmp_path)
    (tmp_path / "lib" / "python3.11" / "keys").symlink_to(packages / "grader")
    monkeypatch.setattr(grader, "__file__", str(packages / "grader" / "__init__.py"))
    monkeypatch.setattr("site.getsitepackages", lambda: [str(packages)])
    return tmp_path


def below(path: str, folder: Path) -> bool:
    return folder.resolve() in [Path(path).resolve(), *Path(path).resolve().parents]


def covers(path: str, target: Path) -> bool:
    return below(str(target), Path(path))


def test_a_granted_folder_is_split_around_the_projects_code(installed: Path) -> None:
    paths = readable.paths(policy(installed / "lib"))
    packages = installed / "lib" / "python3.11" / "site-packages"
    for secret in ("grader", "app", "reference_models", "_editable_assay.pth", "assay-0.1.0.dist-info"):
        assert not [path for path in paths if covers(path, packages / secret)], secret
    for needed in ("numpy/__init__.py", "six.py", "../../libcrypto.so.3"):
        assert [path for path in paths if covers(path, packages / needed)], needed


def test_a_folder_inside_the_projects_code_is_not_granted(installed: Path) -> None:
    own = installed / "lib" / "python3.11" / "site-packages" / "grader"
    (own / "assignments").mkdir()
    paths = readable.paths(policy(own / "assignments", own))
    assert not [path for path in paths if below(path, own)]


def test_the_standard_library_is_readable_and_this_project_is_not() -> None:
    paths = readable.paths(default())
    own = Path(grader.__file__).parent
    for secret in (own, own / "assignments" / "hw13" / "assignment.toml", own.parent / "reference_models"):
        assert not [path for path in paths if covers(path, secret)]
    for needed in (Path(sys.modules["numpy"].__file__ or ""), Path(sys.modules["json"].__file__ or "")):
        assert [path for path in paths if covers(path, needed)]
    assert not [path for path in paths if covers(path, Path(sys.executable).resolve())]
