"""The fixtures that build a real service, for attacks that come over HTTP, and fork servers that start quickly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.sandbox import supervisor
from grader.sandbox.supervisor import Sandbox
from tests.integration.conftest import make_settings, migrated_sqlite

__all__ = ["make_settings", "migrated_sqlite"]

_LIGHTLY = """
def import_alone():
    import torch
    torch.set_num_threads(1)
    from reference_models import vision
    vision.load()
    import torchvision.models, torchvision.transforms, torchinfo
    import grader.measure.operations
    from grader.sandbox.harness import serving
forkserver.warm_up = import_alone
"""


@pytest.fixture(scope="module")
def light_fork_servers(sandbox: Sandbox) -> Iterator[None]:
    """Fork servers that are started from now on warm no exporter up, which takes two thirds of a start.

    For tests about the life of a fork server. The shared sandbox is started before, and stays whole.
    """
    assert sandbox.server_pid is not None
    boot = supervisor._BOOT.replace("forkserver.main()", f"exec({_LIGHTLY!r}); forkserver.main()")
    assert boot != supervisor._BOOT
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervisor, "_BOOT", boot)
        yield
