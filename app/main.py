"""The application: its routes, its life from start to stop, and the server around it."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from anyio import CapacityLimiter
from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool

from app import health, logs, lti, metrics, openapi, pages, problem_responses
from app.assignments import endpoints as assignments
from app.assignments import service as assignment_service
from app.audit import endpoints as audit
from app.auth.csrf import CrossSiteCheck
from app.body_limit import BodyLimit
from app.conditional import Conditional
from app.db import migrate
from app.db.engine import Database
from app.db.probe import WriteProbe
from app.ended_runs import EndedRuns
from app.exports import endpoints as exports
from app.extensions import endpoints as extensions
from app.jobs import endpoints as jobs
from app.jobs import repository as job_repository
from app.jobs.dbos_engine import DbosJobs
from app.jobs.embedded import EmbeddedWorker, WorkerRefused
from app.readable_address import ReadableAddress
from app.regrade_requests import endpoints as regrade_requests
from app.regrades import endpoints as regrades
from app.scores import endpoints as scores
from app.settings import Settings
from app.submissions import endpoints as submissions
from app.submissions.bulletin import Bulletin
from app.submissions.watch import Watch
from app.users import endpoints as users
from app.users import service as user_service
from grader.version import GRADER_VERSION

KEEP_ALIVE_SECONDS = 75
"""How long a connection may be idle. Many clients give theirs up after five seconds; were the service to do so at the
same moment, a request could meet a closed door."""


class CannotListen(Exception):
    """The address is not this machine's, or somebody listens there already."""


def create_app(settings: Settings, *, worker: bool = True) -> FastAPI:
    """The application. With ``worker`` it has a worker beside it; otherwise `assay worker` must run somewhere."""
    app = FastAPI(
        title="Assay",
        summary="Automated grading of model-compression homework.",
        version=GRADER_VERSION,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.grades = worker
    app.state.start_failure = None
    api = APIRouter(prefix="/api/v1")
    domains = (assignments, extensions, submissions, scores, exports, regrade_requests, users, regrades, jobs, audit)
    for domain in domains:
        api.include_router(domain.router)
    for router in (api, health.router, metrics.router):
        app.include_router(router)
    app.openapi = openapi.of(app)  # type: ignore[method-assign]
    problem_responses.install(app)
    # The last one added is the first one asked.
    app.add_middleware(Conditional)
    app.add_middleware(CrossSiteCheck, expected=lti.FROM_PLATFORMS if lti.installed() else ())
    app.add_middleware(BodyLimit, largest=settings.max_request_bytes)
    app.add_middleware(ReadableAddress)
    pages.install(app)
    app.add_middleware(metrics.RequestMetrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    try:
        await run_in_threadpool(_start, app)
    except (WorkerRefused, migrate.NotMigrated) as error:
        app.state.start_failure = error
        raise
    watch = asyncio.create_task(Watch(app.state.database, app.state.bulletin).run())
    try:
        yield
        if app.state.worker is not None:
            await run_in_threadpool(app.state.worker.stop)
    finally:
        watch.cancel()
        app.state.jobs.close()
        app.state.database.close()


def _start(app: FastAPI) -> None:
    settings: Settings = app.state.settings
    _prepare(settings)
    app.state.database = Database(settings)
    app.state.write_probe = WriteProbe(settings)
    app.state.probe_thread = CapacityLimiter(1)
    app.state.ended_runs = EndedRuns()
    app.state.bulletin = Bulletin()
    app.state.jobs = DbosJobs(settings)
    app.state.worker = None
    if app.state.grades:
        app.state.worker = EmbeddedWorker(settings, app.state.bulletin)
        app.state.jobs.tell = app.state.worker.tell
        app.state.worker.start()


def _prepare(settings: Settings) -> None:
    """Check the schema, publish what ships with Assay, and let the bootstrap admin in."""
    migrate.check(settings)
    database = Database(settings)
    with database.write() as session:
        assignment_service.publish_bundled(session)
        job_repository.see_version(session, GRADER_VERSION)
        if settings.admin_token is not None:
            user_service.bootstrap_admin(session, settings.admin_token.get_secret_value())
    database.close()


def serve(settings: Settings, worker: bool) -> None:
    """Serve until SIGTERM or SIGINT.

    What keeps the service from starting goes to stderr, with the exit code `FLOOR_NOT_MET` when the sandbox lacks a
    layer of its floor and 1 otherwise. Raises `CannotListen` before anything else is done.
    """
    listening = _bound(settings.host, settings.port)
    logs.configure()
    app = create_app(settings, worker=worker)
    # What is there now stays to the end: looking through it for garbage would hold every request up for 0.2 seconds.
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except SystemExit:
        # The server has one code for every failed start and keeps the reason to itself.
        failure = app.state.start_failure
        if failure is None:
            raise
        if isinstance(failure, WorkerRefused):
            raise SystemExit(failure.exit_code) from None
        sys.stderr.write(f"{failure}\n")
        raise SystemExit(1) from None


def _bound(host: str, port: int) -> socket.socket:
    """A socket at this address. The server would look for one only after it has warmed up, and hide why it has none."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except (OSError, TypeError) as error:  # a TypeError for what can be no host's name
        found.close()
        raise CannotListen(f"cannot listen on {host} port {port} ({getattr(error, 'strerror', error)})") from error
    return found
