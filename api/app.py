"""The HTTP application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api import errors
from api.direct import Straight
from api.docs import describe
from api.limits import AddressLimits
from api.middleware import Around
from api.reference import POLICY, reference_page
from api.routers import (
    analytics,
    appraisals,
    audiences,
    channels,
    conversations,
    conversations_in,
    conversions,
    events,
    experiments,
    exporting,
    funnels,
    ingest,
    investors,
    measuring,
    media,
    n8n,
    notifications,
    operating_conversions,
    operations,
    optimising,
    people,
    policies,
    rentals,
    sending,
    sending_by_channel,
    stream,
    subscriptions,
    taking_over,
    templates,
    tours,
    tracker,
    tracking,
    viewings,
    webhooks,
)
from api.settings import Settings
from api.shared_limits import Shared
from api.wiring import open_services

VERSION = "0.1.0"


class Application(FastAPI):
    """The framework's application within layers of our own, which answer the most frequent requests without it."""

    around: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        scope["app"] = self
        await self.around(scope, receive, send)

    @property
    def within(self) -> ASGIApp:
        """The framework's own."""
        return super().__call__


def create_app(settings: Settings) -> Application:
    """Return the application; it opens its services when it starts and closes them when it stops."""

    limits = AddressLimits.of(settings)

    @asynccontextmanager
    async def lifespan(app: Application) -> AsyncIterator[None]:
        app.state.services = own = await open_services(settings)
        stream.end_with_process(own.live)
        sharing = Shared(settings, limits.by_name() | {"browsers": own.address_rates})
        try:
            yield
        finally:
            await sharing.close()
            await own.close()

    app = Application(
        title="Masar", version=VERSION, lifespan=lifespan, redirect_slashes=False, docs_url=None, redoc_url=None,
        telemetry={"metrics": False, "logs": False},  # ours are in the middleware
    )  # fmt: skip
    app.state.trusted_proxies = settings.trusted_proxies
    errors.install(app)
    app.router.routes.extend(ingest.router.routes)  # not as a router within: matching that costs every touchpoint dear
    app.router.routes.extend(webhooks.posted.routes)
    for posted in (appraisals, conversations_in, investors, n8n, tracking):
        app.router.routes.extend(posted.router.routes)
    for posting in (viewings.bookings, viewings.steps, rentals.posted, funnels.completing):
        app.router.routes.extend(posting.routes)
    app.include_router(exporting.router)
    app.include_router(media.router)
    app.include_router(taking_over.router)
    app.include_router(notifications.router)
    for sends in (sending, sending_by_channel):
        app.router.routes.extend(sends.router.routes)
    app.include_router(templates.router)
    app.include_router(stream.router)  # its word wins over ids of conversations
    for router in (measuring, optimising, audiences, funnels, experiments):  # their words win over ids of conversions
        app.include_router(router.router)
    for router in (
        conversations,
        viewings,
        rentals,
        people,
        policies,
        tours,
        events,
        operating_conversions,
        conversions,
        analytics,
        operations,
        subscriptions,
        tracker,
        channels,
        webhooks,
    ):
        app.include_router(router.router)
    app.add_api_route(
        "/docs",
        lambda: HTMLResponse(reference_page(app.openapi()), headers={"Content-Security-Policy": POLICY}),
        include_in_schema=False,
    )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    straight = Straight(app.within, app.router.routes)
    app.around = Around(straight, limits, settings.trusted_proxies, settings.behind_tls)
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, made on first use."""
    if app.openapi_schema is None:
        app.openapi_schema = describe(get_openapi(title=app.title, version=app.version, routes=app.routes))
    return app.openapi_schema
