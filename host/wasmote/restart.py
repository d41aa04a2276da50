"""Orders a node to restart, and waits until it has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wasmote.errors import DeviceNotFound, LinkDown, NoAnswer, UsageFault
from wasmote.link.connection import backoff
from wasmote.node import Node
from wasmote.shell import command
from wasmote.wire.node import NextStart, NodeOrder

if TYPE_CHECKING:
    from wasmote.keys import Key
    from wasmote.wire.node import NodeInfo

ANSWER_TIMEOUT_S = 20.0  # from a restart to the answer, a USB device's return included


async def order_restart(node: Node, info: NodeInfo, how: NextStart, signer: Key | None) -> None:
    """Order it, signed where the node has keys. Raises `UsageFault` where no signer was named then."""
    if info.development:
        await node.order(NodeOrder(how))
        return
    if signer is None:
        ids = ", ".join(key.hex() for key in info.key_ids)
        raise UsageFault(
            "the board restarts only when one of its keys signs that, and none was named",
            f"name the one it trusts: {ids}; or set WASMOTE_KEY",
        )
    from wasmote.signing import sign_order

    number = (await node.trusted_keys()).sequence + 1
    await node.order(sign_order(NodeOrder(how, number), signer))


async def wait_for_start(link: str, boot_id: bytes | None = None) -> NodeInfo:
    """Wait until a node answers that has started since it had this boot id; return its /node.

    Raises `NoAnswer`.
    """
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await _ask(link, boot_id)
    except TimeoutError:
        raise NoAnswer(
            f"{link}: the board does not answer",
            f"press reset, then: {command('wasmote', 'ls', '--link', link)}",
        ) from None


async def _ask(link: str, boot_id: bytes | None) -> NodeInfo:
    for pause in backoff():
        try:
            async with await Node.connect(link) as node:
                info = await node.info()
            if info.boot_id != boot_id:
                return info
        except (DeviceNotFound, NoAnswer, LinkDown):  # it starts, or its USB device comes back
            pass
        await asyncio.sleep(pause)
    raise AssertionError("back-off does not end")
