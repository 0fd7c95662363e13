"""The application: its routes, its start and its stop. `app.serving` runs a server with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter
from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi_offline import FastAPIOffline

from app import lti, pages
from app.api import (
    assignments,
    audit,
    comments,
    courses,
    drafts,
    enrolments,
    exports,
    extensions,
    health,
    login_links,
    metrics,
    openapi,
    personal_data,
    regrade_requests,
    regrades,
    releases,
    review_items,
    scores,
    submissions,
    users,
    workers,
)
from app.api.run_metrics import RunMetrics
from app.api.stream_limit import StreamLimit
from app.assignments import service as assignment_service
from app.db import migrate
from app.db.engine import Database
from app.db.probe import WriteProbe
from app.http import problem_responses, request_metrics, thread_limit
from app.http.body_limit import BodyLimit
from app.http.conditional import ConditionalRequests
from app.http.csrf import CrossSiteCheck
from app.http.nul_check import NulCheck
from app.http.submit_limit import SubmitLimit
from app.queue import repository as job_repository
from app.queue.dbos_engine import DbosJobs
from app.scores.class_cache import ClassCache
from app.settings import Settings
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.change_poller import ChangePoller
from app.users import enrolments as enrolment_service
from app.users import service as user_service
from app.worker.embedded import EmbeddedWorker, WorkerRefused
from grader.version import GRADER_VERSION


def create_app(settings: Settings, worker: EmbeddedWorker | None = None) -> FastAPI:
    """The application. Without a worker of its own, which is launched already, `assay worker` must run somewhere."""
    # FastAPI's own /docs loads its script from another host.
    app = FastAPIOffline(
        redoc_url=None,
        title="Assay",
        favicon_url="/static/icon.svg",
        summary="Automated grading of model-compression homework.",
        version=GRADER_VERSION,
        lifespan=_lifespan,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.settings = settings
    app.state.worker = worker
    app.state.notifier = worker.notifier if worker is not None else ChangeNotifier()
    app.state.start_failure = None
    app.state.stream_limit = StreamLimit()
    app.state.submit_limit = SubmitLimit()
    app.state.class_cache = ClassCache()
    api = APIRouter(prefix="/api/v1")
    of_assignments = (assignments, drafts, extensions, releases)
    of_people = (users, enrolments, login_links, personal_data)
    of_scores = (scores, review_items, comments, regrade_requests, regrades)
    domains = (*of_assignments, submissions, *of_scores, exports, *of_people, workers, audit, courses)
    for domain in domains:
        api.include_router(domain.router)
    for router in (api, health.router, metrics.router):
        app.include_router(router)
    app.openapi = openapi.document_builder(app)  # type: ignore[method-assign]
    problem_responses.install(app)
    # The middleware that is added last runs first.
    app.add_middleware(ConditionalRequests)
    app.add_middleware(CrossSiteCheck, exempt=lti.CROSS_SITE_PATHS if lti.is_installed() else ())
    app.add_middleware(BodyLimit, largest=settings.max_request_bytes)
    app.add_middleware(NulCheck)
    pages.install(app)
    app.add_middleware(request_metrics.RequestMetrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    try:
        await run_in_threadpool(_start, app)
    except (WorkerRefused, migrate.NotMigrated) as error:
        app.state.start_failure = error
        raise
    poller = asyncio.create_task(ChangePoller(app.state.database, app.state.notifier).run())
    threads = asyncio.create_task(thread_limit.keep())
    try:
        yield
        if app.state.worker is not None:
            await run_in_threadpool(app.state.worker.stop)
    finally:
        poller.cancel()
        threads.cancel()
        app.state.jobs.close()
        app.state.database.close()


def _start(app: FastAPI) -> None:
    settings: Settings = app.state.settings
    _prepare(settings)
    app.state.database = Database(settings)
    app.state.write_probe = WriteProbe(settings)
    app.state.probe_thread = CapacityLimiter(1)
    app.state.run_metrics = RunMetrics()
    app.state.jobs = DbosJobs(settings)
    if app.state.worker is not None:
        app.state.worker.start()


def _prepare(settings: Settings) -> None:
    """Check the schema, publish what ships with Assay, and let the bootstrap admin in."""
    migrate.check(settings)
    database = Database(settings)
    with database.write() as session:
        assignment_service.publish_bundled(session)
        job_repository.see_version(session, GRADER_VERSION)
        enrolment_service.place(session)
        if settings.admin_token is not None:
            user_service.bootstrap_admin(session, settings.admin_token.get_secret_value())
    database.close()
