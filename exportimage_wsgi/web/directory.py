"""What is of no service: the catalogue, the server itself, its health and its description."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from werkzeug.wrappers import Response

from ..catalog import Catalog, Folder
from ..errors import NotFoundError, shown
from ..esri.replies import catalog_reply, info_reply
from .asked import Asked
from .openapi import openapi
from .pages import Pages
from .respond import json_reply
from .visit import Visit
from .way import Crumb, crumbs


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Answers for the catalogue of an application."""

    catalog: Catalog

    pages: Pages

    title: str
    """Of the pages."""

    version: float
    """Of Esri's server that replies follow."""

    def health(self) -> Response:
        """Is the application there? No raster is touched."""
        body = {"status": "ok", "services": len(self.catalog.names())}
        response = json_reply(body, Asked(f="json"))
        response.headers["Cache-Control"] = "no-store"
        return response

    def info(self, visit: Visit) -> Response:
        visit.require()
        reply = info_reply(self.version)
        if not visit.is_page:
            return json_reply(reply, visit.asked)
        home = crumbs(visit.address)[0]
        here = Crumb(label="info", path=visit.address.path("rest", "info"))
        return self.pages.facts(visit.address, (home, here), reply)

    def openapi(self, visit: Visit) -> Response:
        """The description of all this; it is JSON whatever `f` says."""
        single = self.catalog.single is not None
        described = openapi(visit.address.url().rstrip("/"), self.title, single)
        return json_reply(described, Asked(f="json"))

    def folder(self, visit: Visit, asked: str) -> Response:
        """What lies in a folder; `""` is the top.

        Raises:
            NotFoundError: there is no such folder.
        """
        visit.require()
        path, folder = self._known_folder(asked)
        if visit.is_page:
            services = {name: self.catalog.settings(name) for name in folder.services}
            return self.pages.directory(visit.address, path, folder.folders, services)
        reply = catalog_reply(folder.folders, folder.services, self.version)
        return json_reply(reply, visit.asked)

    def _known_folder(self, asked: str) -> tuple[str, Folder]:
        """The folder in its own spelling; one letter case is as good as another."""
        path = ""
        folder = self.catalog.folder(path)
        for part in asked.split("/") if asked else ():
            below = f"{path}/{part}" if path else part
            found = below if below in folder.folders else _alike(below, folder.folders)
            if found is None:
                raise NotFoundError(f"Folder {shown(asked)} not found")
            path = found
            folder = self.catalog.folder(path)
        return path, folder

    def known_name(self, asked: str) -> str:
        """The service's own spelling of a name.

        Raises:
            NotFoundError: no service is called so, in any letter case.
        """
        names = self.catalog.names()
        name = asked if asked in names else _alike(asked, names)
        if name is None:
            raise NotFoundError(f"Service {shown(asked)}/ImageServer not found")
        return name


def _alike(asked: str, names: Iterable[str]) -> str | None:
    """The name that differs in letter case at most."""
    wanted = asked.casefold()
    return next((name for name in names if name.casefold() == wanted), None)
