"""The sandbox of one command. Little is imported here, so that it warms up while the command imports the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.commands.failures import CommandError, ExitCode
from grader.sandbox import policy as policies
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet, Sandbox


@contextmanager
def launched_sandbox(exports: bool = True) -> Iterator[Sandbox]:
    """A sandbox that is warming up; ``start`` waits for it. Without ``exports`` it is warm sooner.

    Raises `CommandError`, also for a fault of ours inside the block.
    """
    policy = policies.from_environment()
    server = policy.server.model_copy(update={"exports": exports})
    sandbox = Sandbox(policy.model_copy(update={"server": server}))
    try:
        sandbox.launch()
        yield sandbox
    except FloorNotMet as error:
        raise CommandError(str(error), ExitCode.FLOOR_NOT_MET) from error
    except InfrastructureFault as error:
        raise CommandError(f"the sandbox failed, not your code: {error}; try again", ExitCode.FAILED) from error
    finally:
        sandbox.close()


@contextmanager
def warm_sandbox() -> Iterator[Sandbox]:
    """A sandbox that has started, with the imported data sets in reach. Raises as `launched_sandbox`."""
    with launched_sandbox() as sandbox:
        from app.commands.configuration import settings
        from grader import data

        data.use(settings().data_dir)
        sandbox.start()
        yield sandbox
