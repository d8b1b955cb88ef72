"""Sessions over HTTP.

    POST   /calls/{call_id}/sessions                        start one: 201
    GET    /calls/{call_id}/sessions/{session_id}           what it is
    DELETE /calls/{call_id}/sessions/{session_id}           end it: 204
    POST   /calls/{call_id}/sessions/{session_id}/close     the same for `navigator.sendBeacon`
    GET    /calls/{call_id}/sessions/{session_id}/end       waits for its end, and says why it came
    GET    /calls/{call_id}/sessions/{session_id}/metrics   its figures
    GET    /health, /ready, /metrics                        the process: alive, takes calls, figures for Prometheus

An error is {"detail": …}, with a sentence for people. What cannot be taken now is 503 with Retry-After.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi_offline import FastAPIOffline
from starlette.types import Lifespan
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from vision_agents.core.distribution import version
from vision_agents.core.tasks import own_errors

from . import metrics
from .admission import Refused
from .body import Application, BoundedBodies, Receive, Send
from .dispatch import Dispatch, LocalDispatch, PageRoutes, SessionFacts
from .guard import who_may
from .host import CallHost
from .launcher import CreateAgentError
from .lost import Ending
from .options import ServeOptions
from .rate import RateLimit
from .schemas import (
    CallId,
    Offer,
    Session,
    SessionEnd,
    SessionId,
    SessionMetrics,
    StartSession,
    Status,
    check_parameters,
    complaint,
    errors,
)
from .session import CallRequest, StartError
from .turning_away import PLACE, TurningAway, busy, limit_starts

# The scripts and styles of /docs, which is read without the internet too.
_DOCS_PARTS = "/docs-parts"

# Reasons that lie in what is asked for, and not in how much there is.
_CONFLICTS = {"call", "session"}
_FAULTS = {"call": 502, "offer": 400, "timeout": 504, "agent": 500, "conversation": 404}

# Seconds that the end of a session is waited for in one request: shorter than what is between us usually allows.
WAIT = 25.0

NO_PAGE = (
    "there is no page here: it needs agents that are made with `edge`, and the extra `local`. "
    "Pages of others POST their offers to /calls/{id}/sessions"
)

NO_OBJECT = "the body is no JSON object, or is not said to be one: send {} with `Content-Type: application/json`"

LOST = "the session is lost: {why}. Start another one that continues it"


def make_app(calls: CallHost | Dispatch, options: ServeOptions) -> FastAPI:
    """An application that serves these calls. It starts them when it is started itself, unless that was done."""
    dispatch = LocalDispatch(calls) if isinstance(calls, CallHost) else calls
    app: FastAPI = options.fast_api or FastAPIOffline(
        title="vision_agents",
        version=version(),
        summary="Voice agents in calls",
        redoc_url=None,
        static_url=_DOCS_PARTS,
    )
    app.router.lifespan_context = _inside(app.router.lifespan_context)
    app.state.dispatch, app.state.options = dispatch, options
    app.state.rate = RateLimit(options.starts_per_second, options.start_burst)
    app.include_router(_router(options))
    app.state.page = _page(app, dispatch, options)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(_Contained)
    if isinstance(calls, CallHost):
        app.add_middleware(TurningAway, host=calls, options=options, rate=app.state.rate)
    app.add_middleware(BoundedBodies, unread=() if app.state.page is None else app.state.page.unread)
    if options.cors_allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(options.cors_allow_origins),
            allow_methods=list(options.cors_allow_methods),
            allow_headers=list(options.cors_allow_headers),
            allow_credentials=options.cors_allow_credentials,
        )
    if options.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=options.proxies)
    return app


def _page(app: FastAPI, dispatch: Dispatch, options: ServeOptions) -> PageRoutes | None:
    """Add the page, where it is served."""
    page = dispatch.page(options)
    if page is not None:
        app.routes.extend(page.routes)
    elif options.fast_api is None:
        app.add_api_route("/", no_page, include_in_schema=False)
    return page


def _router(options: ServeOptions) -> APIRouter:
    router = APIRouter()
    start = [*who_may("start", options.can_start_session, options), Depends(_limit_starts)]
    close = who_may("close", options.can_close_session, options)
    view = who_may("view", options.can_view_session, options)
    figures = who_may("metrics", options.can_view_metrics, options)
    if options.get_current_user is not None:
        start.append(Depends(_keep_user(options.get_current_user)))
    if not options.asked_by_program:
        for dependencies in (start, close, view):
            dependencies.append(Depends(check_parameters))
    sessions = "/calls/{call_id}/sessions"
    one = f"{sessions}/{{session_id}}"
    may, there = errors(401, 403), errors(401, 403, 404, 410, 422)

    def add(path: str, does: Callable[..., Any], tag: str = "Sessions", **how: Any) -> None:
        # Its own sentence, not its name: that is what the list at /docs is read by.
        router.add_api_route(path, does, tags=[tag], summary=(does.__doc__ or "").partition(".")[0], **how)

    process = partial(add, tag="Process")
    add(sessions, start_session, methods=["POST"], status_code=201, dependencies=start, responses=errors(*_STARTING))
    add(one, view_session, methods=["GET"], dependencies=view, responses=there)
    add(one, close_session, methods=["DELETE"], status_code=204, dependencies=close, responses=there)
    add(f"{one}/close", close_by_beacon, methods=["POST"], dependencies=close, responses=there)
    add(f"{one}/end", wait_for_end, methods=["GET"], dependencies=view, responses=errors(401, 403, 404, 422))
    add(f"{one}/metrics", view_metrics, methods=["GET"], dependencies=figures, responses=there)
    process(
        "/metrics", prometheus, methods=["GET"], dependencies=figures, response_class=PlainTextResponse, responses=may
    )
    process("/health", health, methods=["GET"])
    process("/ready", ready, methods=["GET"], responses=errors(503))
    # Of monitors that want no body.
    process("/health", health, methods=["HEAD"], include_in_schema=False)
    process("/ready", ready, methods=["HEAD"], include_in_schema=False)
    return router


_STARTING = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504)


# Sessions.


async def start_session(call_id: CallId, request: Request, body: StartSession | None = None) -> Session:
    """Have an agent join the call. Returns when it is there."""
    dispatch, wanted = _dispatch(request), body or StartSession.model_validate({})
    offer = None if wanted.offer is None else wanted.offer.sdp
    asked = CallRequest(
        call_id,
        wanted.call_type,
        offer=offer,
        created_by=getattr(request.state, "user", None),
        continues=wanted.continues,
        place=request.scope.get(PLACE),
    )
    beginning = asyncio.ensure_future(_begin(dispatch, asked))
    gone = asyncio.ensure_future(_gone(request))
    known = False
    try:
        # Whoever is gone takes no place for as long as an agent may take to be made and to join.
        await asyncio.wait([beginning, gone], return_when=asyncio.FIRST_COMPLETED)
        known = beginning.done() and not await request.is_disconnected()
        if not known:
            raise HTTPException(408, "whoever asked has gone")
        return _described(beginning.result())
    finally:
        gone.cancel()
        if not known:
            # In a task of its own: Serve cancels the requests of whoever has gone.
            await asyncio.shield(asyncio.ensure_future(_let_go(dispatch, call_id, beginning)))


async def view_session(call_id: CallId, session_id: SessionId, request: Request) -> Session:
    """Tell what the session is."""
    return _described(await _find(request, call_id, session_id))


async def close_session(call_id: CallId, session_id: SessionId, request: Request) -> Response:
    """End the session."""
    await _end(request, call_id, session_id)
    return Response(status_code=204)


async def close_by_beacon(call_id: CallId, session_id: SessionId, request: Request) -> Response:
    """End the session, by beacon. For pages that are being closed, which can bring a token only as `?token=…`."""
    await _end(request, call_id, session_id)
    return Response(status_code=200)


async def wait_for_end(
    call_id: CallId,
    session_id: SessionId,
    request: Request,
    seconds: Annotated[float, Query(ge=0, le=WAIT, description="The longest wait")] = WAIT,
) -> SessionEnd:
    """Wait until the session is over, and tell why. If that takes longer than `seconds`, tell that it is not."""
    dispatch = _dispatch(request)
    if (lost := await dispatch.lost(call_id, session_id)) is not None:
        return _ended(session_id, Ending("lost", lost.why, lost=True))
    there = await dispatch.find(call_id, session_id)
    ending = await dispatch.ending(call_id, session_id, seconds)
    if there is None and ending is None:
        raise await _not_there(request, call_id, session_id)
    return _ended(session_id, ending)


async def view_metrics(call_id: CallId, session_id: SessionId, request: Request) -> SessionMetrics:
    """Tell the figures of the session."""
    session = await _find(request, call_id, session_id)
    return SessionMetrics(
        session_id=session.id,
        call_id=session.call_id,
        session_started_at=session.started_at,
        metrics_generated_at=datetime.now(UTC),
        metrics={"duration_seconds": round(session.duration, 3), **(session.figures or {})},
    )


# The process.


async def no_page() -> None:
    """Tell whoever looks for the page where it is."""
    raise HTTPException(404, NO_PAGE)


async def health() -> Status:
    """Tell that the process is alive."""
    return Status(status="alive")


async def ready(request: Request) -> Status:
    """Tell whether another call would be taken."""
    refusal = await _dispatch(request).refusal()
    if refusal is not None:
        raise _busy(refusal)
    return Status(status="ready")


async def prometheus(request: Request) -> Response:
    """Tell the figures of the process."""
    return Response(metrics.exposition(*await _dispatch(request).figures()), media_type=metrics.CONTENT_TYPE)


# Inside.


class _Contained:
    """An ASGI middleware for which `sys.exit()` in a permission ends the request, and not the process."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await own_errors(self._app(scope, receive, send), "a request")


def _inside(own: Lifespan[Any]) -> Lifespan[Any]:
    """The life of an application, with that of the calls inside of it."""

    @asynccontextmanager
    async def both(app: FastAPI) -> AsyncIterator[Any]:
        async with own(app) as state, _lifespan(app):
            yield state

    return both


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    dispatch: Dispatch = app.state.dispatch
    await dispatch.start()
    try:
        yield
    finally:
        if app.state.page is not None:
            await app.state.page.close()
        await dispatch.close()


async def _gone(request: Request) -> None:
    """Wait until whoever asked has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _begin(dispatch: Dispatch, request: CallRequest) -> SessionFacts:
    try:
        return await dispatch.begin(request)
    except Refused as refusal:
        raise _busy(refusal) from None
    except CreateAgentError as error:
        raise HTTPException(500, str(error)) from None
    except StartError as error:
        raise HTTPException(_FAULTS[error.fault], str(error)) from None


async def _let_go(dispatch: Dispatch, call_id: str, beginning: asyncio.Future[SessionFacts]) -> None:
    """End a session that nobody knows of, be it there by now or on its way."""
    beginning.cancel()
    await asyncio.wait([beginning])
    if not beginning.cancelled() and beginning.exception() is None:
        await dispatch.end(call_id, beginning.result().id)


def _busy(refusal: Refused) -> HTTPException:
    if refusal.reason in _CONFLICTS:
        return HTTPException(409, str(refusal))
    return busy(refusal)


async def _limit_starts(request: Request) -> None:
    limit_starts(request.app.state.rate, request)


def _keep_user(get_current_user: Any) -> Any:
    async def keep(request: Request, user: Any = Depends(get_current_user)) -> None:  # noqa: B008
        request.state.user = user

    # The annotations are strings, and `get_current_user` is no name of this module.
    keep.__annotations__ = {"request": Request, "user": Any, "return": None}
    return keep


async def _find(request: Request, call_id: str, session_id: str) -> SessionFacts:
    session = await _dispatch(request).find(call_id, session_id)
    if session is None:
        raise await _not_there(request, call_id, session_id)
    return session


async def _end(request: Request, call_id: str, session_id: str) -> None:
    if not await _dispatch(request).end(call_id, session_id):
        raise await _not_there(request, call_id, session_id)


async def _not_there(request: Request, call_id: str, session_id: str) -> HTTPException:
    lost = await _dispatch(request).lost(call_id, session_id)
    if lost is not None:
        return HTTPException(410, LOST.format(why=lost.why))
    return HTTPException(404, f"there is no session {session_id} of the call {call_id} here")


def _dispatch(request: Request) -> Dispatch:
    dispatch: Dispatch = request.app.state.dispatch
    return dispatch


def _described(session: SessionFacts) -> Session:
    return Session(
        session_id=session.id,
        call_id=session.call_id,
        call_type=session.call_type,
        session_started_at=session.started_at,
        answer=None if session.answer is None else Offer(type="answer", sdp=session.answer),
    )


def _ended(session_id: str, ending: Ending | None) -> SessionEnd:
    if ending is None:
        return SessionEnd(session_id=session_id, over=False)
    return SessionEnd(session_id=session_id, over=True, why=ending.end, error=ending.error, lost=ending.lost)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    if any(problem["type"] == "json_invalid" for problem in problems):
        return JSONResponse({"detail": "the body is no JSON"}, 400)
    if any(problem["loc"] == ("body",) for problem in problems):
        return JSONResponse({"detail": NO_OBJECT}, 422)
    return JSONResponse({"detail": "; ".join(map(complaint, problems))}, 422)
