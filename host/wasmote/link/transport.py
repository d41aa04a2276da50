"""Slipmux as a transport of aiocoap 0.4.17, and its UDP transport with a tap.

aiocoap's layers stay as they are: its `TokenManager` matches responses, its `MessageManager` retransmits;
this is the `MessageInterface` below them. The peer's address is `coap://NAME.dev.alt`, as in aiocoap's
unreleased slipmux transport, which can replace this one some day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiocoap import error, interfaces
from aiocoap.message import Message
from aiocoap.transports.udp6 import MessageInterfaceUDP6

from wasmote.link.connection import Connection, LinkState

if TYPE_CHECKING:
    import logging

    from wasmote.link.trace import Tap

HOST_SUFFIX = ".dev.alt"


class LinkBroken(error.NetworkError):  # type: ignore[misc] # aiocoap has no types
    """The link is not up. aiocoap hands this on to every request that was waiting."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class SlipmuxAddress(interfaces.EndpointAddress):  # type: ignore[misc]
    """The one peer at the other end of a link; compares by identity."""

    scheme = "coap"
    is_multicast = False
    is_multicast_locally = False
    maximum_block_size_exp = 6  # 1024 bytes, RFC 7959 section 2.2; settable, as in aiocoap's own addresses
    # aiocoap would send bodies of up to 1124 bytes in one message; with its options that is more than the
    # 1152 bytes a node can take.
    maximum_payload_size = 1024

    def __init__(self, name: str) -> None:
        self._host = name + HOST_SUFFIX

    hostinfo_local = "host" + HOST_SUFFIX

    @property
    def hostinfo(self) -> str:
        """The node's name in URIs."""
        return self._host

    @property
    def uri_base(self) -> str:
        """Base of the URIs of the node's resources."""
        return f"{self.scheme}://{self.hostinfo}"

    @property
    def uri_base_local(self) -> str:
        """Base of the URIs of our resources (there are none)."""
        return f"{self.scheme}://{self.hostinfo_local}"

    @property
    def blockwise_key(self) -> str:
        """Blocks of one peer belong together."""
        return self.hostinfo

    def __repr__(self) -> str:
        return f"<{self.hostinfo}>"


class SlipmuxInterface(interfaces.MessageInterface):  # type: ignore[misc]
    """Carries aiocoap's messages over one `Connection`."""

    def __init__(self, manager: interfaces.MessageManager, name: str, log: logging.Logger) -> None:
        self.address = SlipmuxAddress(name)
        self._manager: Any = manager
        self._log = log
        self._connection: Connection | None = None

    def attach(self, connection: Connection) -> None:
        """Send over this connection; its messages are handed to `received`."""
        self._connection = connection
        connection.subscribe(self._state_changed)

    def received(self, datagram: bytes) -> None:
        """Take a message from the link. One that does not parse is dropped (RFC 7252 section 4.2, 4.3)."""
        if self._manager is None:
            return
        try:
            message = Message.decode(datagram, remote=self.address)
        except (error.UnparsableMessage, ValueError) as fault:
            self._log.warning("%s: dropped a message that is not CoAP: %s", self.address.hostinfo, fault)
            return
        self._manager.dispatch_message(message)

    def _state_changed(self, state: LinkState) -> None:
        if state is LinkState.WAITING and self._manager is not None and self._connection is not None:
            self._manager.dispatch_error(LinkBroken(self._connection.down().message), self.address)

    def _require_up(self) -> None:
        if self._connection is None or self._connection.state is not LinkState.UP:
            raise LinkBroken(
                self._connection.down().message if self._connection else "the link was never opened"
            )

    # aiocoap.interfaces.MessageInterface

    def send(self, message: Message) -> None:
        """Send; on a link that has just broken the message is lost, and its sender has been told."""
        if self._connection is not None and self._connection.state is LinkState.UP:
            self._connection.send(message.encode())

    async def recognize_remote(self, remote: object) -> bool:
        """Whether `remote` is our peer. Raises `LinkBroken` rather than let the request time out."""
        if remote is not self.address:
            return False
        self._require_up()
        return True

    async def determine_remote(self, message: Message) -> SlipmuxAddress | None:
        """Return our peer for `coap://NAME.dev.alt`, None for any other URI."""
        if message.requested_scheme not in (None, "coap"):
            return None
        if (message.opt.uri_host or message.unresolved_remote) != self.address.hostinfo:
            return None
        self._require_up()
        message.opt.uri_host = None  # there is one host at the other end: naming it would only cost bytes
        return self.address

    async def shutdown(self) -> None:
        """Stop sending and receiving; the connection is closed by who opened it."""
        self._manager = None
        self._connection = None


class UdpInterface(MessageInterfaceUDP6):  # type: ignore[misc]
    """aiocoap's UDP transport; `tap` gets all that passes."""

    tap: Tap | None = None

    def send(self, message: Message) -> None:
        """Send one message."""
        if self.tap:
            self.tap.sent(message.encode())
        super().send(message)

    def datagram_msg_received(self, data: bytes, ancdata: Any, flags: int, address: Any) -> None:
        """Take a datagram from the socket."""
        if self.tap:
            self.tap.received(data)
        super().datagram_msg_received(data, ancdata, flags, address)
