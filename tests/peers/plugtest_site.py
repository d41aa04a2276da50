"""The plugtests' resources on aiocoap's server: what plugtest.c is on ours."""

from __future__ import annotations

import asyncio

from aiocoap import Code, ContentFormat, Message
from aiocoap.error import ConstructionRenderableError
from aiocoap.resource import ObservableResource, Resource, Site, WKCResource, hashing_etag

LARGE = b"".join(b"%04u abcdefghij\n" % line for line in range(80))
SLOW_S = 0.3  # longer than aiocoap waits before it sends an empty ACK (0.1 s)
TEXT = ContentFormat.TEXT
XML = ContentFormat(41)


class _PreconditionFailed(ConstructionRenderableError):
    code = Code.PRECONDITION_FAILED


class _NotAcceptable(ConstructionRenderableError):
    code = Code.NOT_ACCEPTABLE


class _NotFound(ConstructionRenderableError):
    code = Code.NOT_FOUND


class Cell(ObservableResource):
    """Holds what was PUT, and notifies."""

    ct = 0

    def __init__(self, content: bytes | None, max_age_s: int | None = None) -> None:
        super().__init__()
        self._content = content
        self._max_age_s = max_age_s
        self._format = TEXT

    def _representation(self) -> Message:
        if self._content is None:
            raise _NotFound
        return Message(
            code=Code.CONTENT,
            payload=self._content,
            content_format=self._format,
            max_age=self._max_age_s,
        )

    async def render_get(self, request: Message) -> Message:
        """Answer with the content, or that the client has it."""
        response = self._representation()
        hashing_etag(request, response)
        return response

    async def render_put(self, request: Message) -> Message:
        """Take new content, if it is wanted."""
        self._check_conditions(request)
        code = Code.CREATED if self._content is None else Code.CHANGED
        new_format = request.opt.content_format or TEXT
        ends = new_format != self._format
        self._content, self._format = request.payload, new_format
        self.updated_state(Message(code=Code.NOT_ACCEPTABLE) if ends else None)
        return Message(code=code)

    async def render_post(self, request: Message) -> Message:
        """Pretend to have made something."""
        response = Message(code=Code.CREATED)
        response.opt.location_path = ("location1", "location2", "location3")
        return response

    async def render_delete(self, request: Message) -> Message:
        """Forget the content; whoever observes it is told."""
        self._content = None
        self.updated_state(Message(code=Code.NOT_FOUND))
        return Message(code=Code.DELETED)

    def _check_conditions(self, request: Message) -> None:
        if request.opt.if_none_match and self._content is not None:
            raise _PreconditionFailed
        if request.opt.if_match and self._content is not None:
            response = self._representation()
            hashing_etag(Message(code=Code.GET), response)
            if response.opt.etag not in request.opt.if_match:
                raise _PreconditionFailed


class Fixed(Resource):
    """Answers a GET with a text; a list of formats can be chosen from."""

    def __init__(self, formats: dict[ContentFormat, bytes], **attributes: str) -> None:
        super().__init__()
        self._formats = formats
        self._attributes = attributes

    def get_link_description(self) -> dict[str, str]:
        """Return the attributes for /.well-known/core."""
        return self._attributes

    async def render_get(self, request: Message) -> Message:
        """Answer in the format that is wanted."""
        wanted = next(iter(self._formats)) if request.opt.accept is None else request.opt.accept
        if wanted not in self._formats:
            raise _NotAcceptable
        return Message(payload=self._formats[wanted], content_format=wanted)


class Slow(Fixed):
    """Answers when the client has its empty ACK already."""

    async def render_get(self, request: Message) -> Message:
        """Answer after a while."""
        await asyncio.sleep(SLOW_S)
        return await super().render_get(request)


class Query(Resource):
    """Gives the query back."""

    async def render_get(self, request: Message) -> Message:
        """Answer with the arguments as they came."""
        return Message(payload="&".join(request.opt.uri_query).encode(), content_format=TEXT)


class LargePost(Resource):
    """Answers a large body with a large body: the same in capitals."""

    async def render_post(self, request: Message) -> Message:
        """Answer with the body in capitals."""
        return Message(code=Code.CONTENT, payload=request.payload.upper(), content_format=TEXT)


class Creator(Resource):
    """Says that it made something, and where it is."""

    def __init__(self, *, path: tuple[str, ...] = (), query: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._path = path
        self._query = query

    async def render_post(self, request: Message) -> Message:
        """Answer with the location."""
        response = Message(code=Code.CREATED)
        response.opt.location_path = self._path
        response.opt.location_query = self._query
        return response


def make_site() -> Site:
    """Return the resources, as after a start."""
    site = Site()
    links = b"</path/sub1>,</path/sub2>,</path/sub3>"
    resources: dict[str, Resource] = {
        ".well-known/core": WKCResource(site.get_resources_as_linkheader, impl_info=None),
        "create1": Cell(None),
        "query": Query(),
        "separate": Slow({TEXT: b"separate"}),
        "multi-format": Fixed({TEXT: b"text", XML: b"<text/>"}),
        "location-query": Creator(query=("first=1", "second=2")),
        "large": Fixed({TEXT: LARGE}, sz=str(len(LARGE))),
        "large-create": Creator(path=("large-create", "1")),
        "large-post": LargePost(),
        "obs-large": Cell(LARGE),
        "obs-max-age": Cell(b"obs-max-age", max_age_s=1),
        "link1": Fixed({TEXT: b"link1"}, rt="Type1 Type2", **{"if": "If1"}),
        "link2": Fixed({TEXT: b"link2"}, rt="Type2 Type3", **{"if": "If2"}),
        "link3": Fixed({TEXT: b"link3"}, rt="Type1 Type3", **{"if": "foo"}),
        "path": Fixed({ContentFormat.LINKFORMAT: links}, ct="40"),
    }
    for name in ("test", "validate", "obs", "obs-non", "large-update", "seg1/seg2/seg3"):
        resources[name] = Cell(name.encode())
    for name in ("path/sub1", "path/sub2", "path/sub3"):
        resources[name] = Fixed({TEXT: name.encode()})
    for name, resource in resources.items():
        site.add_resource(name.split("/"), resource)
    return site
