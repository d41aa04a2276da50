"""`wasmote push` and `run`: a module onto a board, and its outputs back."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from aiocoap import Code

from wasmote.cli.build import build_aloud
from wasmote.cli.common import (
    check_slot,
    json_option,
    link_option,
    print_json,
    progress_bar,
    run_async,
    say,
)
from wasmote.cli.examples import examples
from wasmote.cli.follow import follow, print_record
from wasmote.cli.keys import key_option
from wasmote.cli.probation import Trial, rolled_back, say_mode
from wasmote.cli.shadow import DEFAULT_RULE, confirm, prove, rule_option, shadow_option
from wasmote.errors import Busy, CoapError, UsageFault, VerificationRefused, WasmoteError
from wasmote.evidence import Evidence
from wasmote.life import probation_text
from wasmote.node import Node
from wasmote.wire.modules import Candidate, Control, HandOver, ModuleState, ModuleStatus

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from wasmote.wire.bundle import Bundle
    from wasmote.wire.manifest import Manifest
    from wasmote.wire.records import Record

slot_option = click.option(
    "--slot",
    type=click.IntRange(min=0),
    help="Slot of the node. Default: the one with a module of this name, else the first empty one.",
)

force_option = click.option("--force", is_flag=True, help="Send it even if the board holds this release.")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@slot_option
@key_option
@force_option
@shadow_option
@rule_option
@json_option
@link_option
@run_async
@examples(
    "wasmote push build/flood.bundle",
    "wasmote push build/flood.bundle --key release",
    "wasmote push build/flood.bundle --slot 1 --link serial:///dev/ttyACM0",
    "wasmote push build/flood.bundle --shadow 100 --promote-if 'max_abs<=1e-6, traps==0'",
)
async def push(
    link: str,
    bundle: Path,
    slot: int | None,
    key: str | None,
    force: bool,
    shadow: int | None,
    rule: str | None,
    as_json: bool,
) -> None:
    """Install BUNDLE on a node and start it; a running module is swapped without missing a sample.

    The new module is on probation: until it has handled some events, or `wasmote confirm`, a trap or a reset
    brings the one before back.

    With --shadow it runs beside what runs first, on the board or, without room there, on this machine, and
    what both emit is compared. Where the rule holds it takes the other's place and is confirmed, else it is
    dropped: exit status 1.
    """
    from wasmote.comparison import Rule
    from wasmote.wire.bundle import Bundle

    if rule is not None and shadow is None:
        raise UsageFault(
            "--promote-if is the rule of a shadow run", "--shadow N says how many records to compare"
        )
    content, parsed = signed(Bundle.from_file(bundle), key), Rule.parse(rule or DEFAULT_RULE)
    async with await Node.connect(link) as node:
        await check_slot(node, slot)
        await say_mode(node)
        if shadow is not None:
            slot = await prove(node, content, slot, shadow, parsed, as_json)
        status, _ = await deploy(node, content, slot, as_json, force=force)
        if shadow is not None:
            await confirm(node, status)


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@slot_option
@click.option("--count", type=click.IntRange(min=1), help="End after so many records.")
@click.option("--no-confirm", is_flag=True, help="Leave it on probation when it has emitted something.")
@key_option
@force_option
@json_option
@link_option
@run_async
@examples(
    "wasmote run models/flood/flood.toml",
    "wasmote run alarm.c --count 10 --json",
)
async def run(
    link: str,
    source: Path,
    slot: int | None,
    count: int | None,
    no_confirm: bool,
    key: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Build SOURCE, push it, then print what it emits until Ctrl-C.

    SOURCE is what `wasmote build` takes: a module's project file, or its source. The first record that the
    new module emits confirms it. Should the board go back to the module before, so says the exit status: 1.
    """
    bundle = signed(build_aloud(source), key)
    async with await Node.connect(link) as node:
        await check_slot(node, slot)
        await say_mode(node)
        status, evidence = await deploy(node, bundle, slot, as_json, force=force)
        streams = [stream.name for stream in status.streams]
        if not streams:
            raise WasmoteError(f"{bundle.manifest.name} has no output streams", "there is nothing to follow")
        trial = Trial(node, status, evidence, confirm=not no_confirm)
        records = follow(node, status.slot, evidence.first)
        printing = asyncio.create_task(_print(records, count, trial, as_json), name="printing")
        proving = asyncio.create_task(trial.run(), name="probation")
        try:
            await asyncio.wait({printing, proving}, return_when=asyncio.FIRST_COMPLETED)
            if proving.done():
                await proving
            await printing
            if trial.proved:
                await proving
        finally:
            for task in (printing, proving):
                task.cancel()
            await asyncio.gather(printing, proving, return_exceptions=True)


async def _print(
    followed: AsyncGenerator[tuple[str, Record], None], count: int | None, trial: Trial, as_json: bool
) -> None:
    seen = 0
    async with aclosing(followed) as records:
        async for stream, record in records:
            print_record(stream, record, as_json)
            trial.saw(stream, record)
            seen += 1
            if seen == count:
                break


def signed(bundle: Bundle, key: str | None) -> Bundle:
    """Return the bundle signed with this key, or as it is where none was named."""
    if key is None:
        return bundle
    from wasmote.keys import find_key
    from wasmote.signing import sign_bundle

    return sign_bundle(bundle, find_key(key))


def choose_slot(modules: Sequence[ModuleStatus], name: str) -> int:
    """Return the slot for a module of this name. Raises `Busy` when every slot holds another one."""
    for module in modules:
        if module.name == name or (module.candidate is not None and module.candidate.name == name):
            return module.slot
    for module in modules:
        if module.state is ModuleState.EMPTY and module.candidate is None:
            return module.slot
    held = ", ".join(f"{module.slot}: {module.name or 'a candidate'}" for module in modules)
    raise Busy(f"no slot is free for {name} ({held})", "name the one to replace with --slot")


async def deploy(
    node: Node, bundle: Bundle, slot: int | None, as_json: bool, *, force: bool = False
) -> tuple[ModuleStatus, Evidence]:
    """Install a bundle, start it or swap what runs for it, and tell; return what runs now, and since when.

    What the node holds already is not sent again, unless by `force`. Raises what `Node` does, `Busy` without
    a free slot, `WasmoteError` when the module does not run.
    """
    manifest = bundle.manifest
    where = choose_slot(await node.modules(), manifest.name) if slot is None else slot
    status = await node.module(where)
    if not force and _is_active(status, bundle) and status.state is ModuleState.RUNNING:
        _tell_held(status, manifest, "runs already", as_json)
        return status, Evidence.since(None, status)
    if not force and _is_held(status, bundle):
        _tell_held(status, manifest, "is on the board already", as_json)
    else:
        try:
            await _install(node, where, bundle.to_bytes(), f"{manifest.name} {manifest.version}", as_json)
        except CoapError as fault:
            raise _refusal(fault, bundle) from fault
    before = await node.module(where)
    running = before.state is ModuleState.RUNNING
    await node.control(where, Control.SWAP if running else Control.START)
    status = await node.module(where)
    if failure := status.out_of_service(manifest.digest):
        raise rolled_back(f"{manifest.name} {manifest.version}", status, failure)
    beside = [] if running else _beside(await node.modules(), where)
    _tell(status, Control.SWAP if running else Control.START, as_json, beside)
    if status.state is not ModuleState.RUNNING:
        reason = status.error or "no reason given"
        raise WasmoteError(f"slot {where}: {manifest.name} is {status.state.name.lower()}: {reason}")
    return status, Evidence.since(before, status)


def _is_active(status: ModuleStatus, bundle: Bundle) -> bool:
    """Whether this release, byte for byte and with this signature, is the module in the slot."""
    made = bundle.manifest
    release = status.name, status.version, status.sequence, status.digest, status.signer
    return release == (made.name, made.version, made.sequence, made.digest, bundle.signer)


def _is_held(status: ModuleStatus, bundle: Bundle) -> bool:
    """Whether a start or a swap would run this release."""
    made = bundle.manifest
    if status.candidate is not None:
        ours = Candidate(made.name, made.version, made.sequence, made.digest, bundle.signer)
        return status.candidate == ours
    return _is_active(status, bundle) and status.state in (ModuleState.STOPPED, ModuleState.TRAPPED)


def _tell_held(status: ModuleStatus, manifest: Manifest, how: str, as_json: bool) -> None:
    if as_json:
        from wasmote.cli.render import plain

        print_json({"event": "held", "module": plain(status)})
    else:
        say(f"slot {status.slot}: {manifest.name} {manifest.version} {how}; nothing was sent")


def _refusal(fault: CoapError, bundle: Bundle) -> WasmoteError:
    """What a node means by 4.03, and what can be done about it."""
    if fault.code is not Code.FORBIDDEN:
        return fault
    hint = "`wasmote ls` shows which keys the board trusts, `wasmote inspect` what is in a bundle"
    if bundle.envelope is None:
        hint = "sign it: --key KEY, with a key that the board trusts; `wasmote ls` shows which those are"
    reason = fault.diagnostic or "no reason given"
    return VerificationRefused(f"the board refuses {bundle.manifest.name}: {reason}", hint)


async def _install(node: Node, slot: int, content: bytes, title: str, as_json: bool) -> None:
    if as_json:

        def print_progress(done: int, total: int) -> None:
            print_json({"event": "progress", "done": done, "total": total})

        await node.install(slot, content, print_progress)
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with progress_bar(DownloadColumn(), TransferSpeedColumn(), transient=True) as bar:
        task = bar.add_task(title, total=len(content))
        await node.install(slot, content, lambda done, total: bar.update(task, completed=done, total=total))


def _beside(modules: Sequence[ModuleStatus], slot: int) -> list[ModuleStatus]:
    """What runs in other slots: a start leaves it there, where a swap was perhaps meant."""
    return [one for one in modules if one.slot != slot and one.state is ModuleState.RUNNING]


def _tell(status: ModuleStatus, operation: Control, as_json: bool, beside: Sequence[ModuleStatus]) -> None:
    if as_json:
        from wasmote.cli.render import plain

        print_json({"event": operation.name.lower(), "module": plain(status)})
        return
    name = f"{status.name} {status.version} (sequence {status.sequence})"
    if operation is Control.START:
        others = " and ".join(f"{one.name} {one.version} in slot {one.slot}" for one in beside)
        goes_on = "which goes on" if len(beside) == 1 else "which go on"
        say(f"slot {status.slot}: {name} started" + (f", beside {others}, {goes_on}" if others else ""))
    else:
        say(f"slot {status.slot}: swapped to {name}; {_handed_over(status)}")
    if status.probation is not None:
        alone = "" if status.fallback else ", with nothing to go back to"
        say(f"slot {status.slot}: {probation_text(status)}{alone}")


def _handed_over(status: ModuleStatus) -> str:
    state = "its state was handed over" if status.state_handed_over else "it begins without the old state"
    if status.hand_over is HandOver.MIGRATED:
        state = "it has migrated the old state"
    gap = (
        f", {status.swap_gap_us} us of its own time without a running module"
        if status.swap_gap_us is not None
        else ""
    )
    return f"{state}{gap}"
