"""What happens in the demo, in order. Everything here is the product's own: the demo only arranges it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from wasmote.demo.acts import CONFIRM_AFTER, SLOT, Acts, Life, Travel
from wasmote.demo.feed import feed
from wasmote.demo.material import Material, is_packaged
from wasmote.demo.plot import Caption, PlotFault, draw
from wasmote.demo.tally import DemoFailed, Tally
from wasmote.demo.view import View
from wasmote.errors import NoAnswer
from wasmote.gateway.config import GatewayConfig
from wasmote.gateway.core import Gateway
from wasmote.gateway.entities import StreamKey
from wasmote.gateway.session import BoardSession
from wasmote.replay import samples_of
from wasmote.sim import Simulator

CHECKOUT_BOARDS = {"f405": "netduinoplus2", "native": "native"}
PACKAGED_BOARDS = {"first": "native", "second": "native"}  # what an installed package can emulate
BOARDS = PACKAGED_BOARDS if is_packaged() else CHECKOUT_BOARDS
SENSOR, STREAM = "river", "features"
COMMIT_EVERY_S = 0.02  # the demo lives on speed, not on the life of an SD card
STALE_AFTER_S = 3.0
PLOT = "plot.png"
READY_S = 120.0  # for a board to boot, and to take the module


@dataclass(frozen=True)
class Summary:
    """What the demo ends with. `samples`, `features` and `predictions` are days, of each board alike."""

    samples: int
    features: int
    predictions: int
    nse: float
    swap_gap_ms: float  # the longest time that a board was without a running module
    sequence_gaps: int
    boards: Mapping[str, Mapping[str, object]]
    data: str


async def tell(material: Material, console: Console) -> Summary:
    """Run the demo. Raises WasmoteError with what failed and how to mend it."""
    tally = Tally(material.script(), tuple(BOARDS))
    async with AsyncExitStack() as stack:
        console.print(f"[bold]wasmote[/] · data: {material.source}", highlight=False)
        links = await _start_boards(stack, console)
        gateway = Gateway(_config(material, links))
        await stack.enter_async_context(gateway.running())
        await _ready(gateway)
        for board in BOARDS:
            status = gateway.sessions[board].slots[SLOT]
            console.print(f"  {board}: module {status.name} {status.version} runs", highlight=False)
        flows = material.series.values[material.warm_up :, 1]
        view = View(console, tuple(BOARDS), tally.script.days, float(flows.max()))
        with view:
            lives = await _replay(gateway, material, tally, view)
        features = {board: await _check_features(gateway, board, tally) for board in BOARDS}
    tally.check_equal()
    summary = _summarize(material, tally, lives, features)
    title = "River Wye at Belmont" if material.recorded else "A made-up river"
    swaps_ms = tuple(tally.swap_time(board) for board in BOARDS)
    versions = material.first.manifest.version, material.second.manifest.version
    caption = Caption(title, summary.nse, swaps_ms, versions)
    (material.folder / PLOT).unlink(missing_ok=True)  # an earlier demo's
    try:
        draw(list(tally.days()), tuple(BOARDS), caption, material.folder / PLOT)
    except PlotFault as fault:
        console.print(f"  no picture: {fault.message}; {fault.hint}", highlight=False, markup=False)
    return summary


def write(summary: Summary, folder: Path) -> Path:
    """Write summary.json; return where."""
    path = folder / "summary.json"
    path.write_text(json.dumps(asdict(summary), indent=2) + "\n", encoding="utf-8")
    return path


# ---- the steps ----------------------------------------------------------------------------------


async def _start_boards(stack: AsyncExitStack, console: Console) -> dict[str, str]:
    """Start the emulated boards; return their links."""
    links: dict[str, str] = {}
    for instance, (name, board) in enumerate(BOARDS.items()):
        simulator = await stack.enter_async_context(await Simulator.start(board, instance=instance))
        links[name] = simulator.url
        where = "in QEMU" if board != "native" else "as a process"
        console.print(f"  {name}: {board} runs {where}, {simulator.url}", highlight=False)
    return links


async def _ready(gateway: Gateway) -> None:
    """Wait until every board runs the module."""
    try:
        async with asyncio.timeout(READY_S):
            for board in gateway.sessions:
                await gateway.following(board)
    except TimeoutError:
        states = "; ".join(f"{name} is {one.state}: {one.fault}" for name, one in gateway.sessions.items())
        raise NoAnswer(f"not every board took the module in {READY_S:.0f} s: {states}") from None


async def _replay(gateway: Gateway, material: Material, tally: Tally, view: View) -> dict[str, Life]:
    """Feed both boards, collect predictions, and let their modules live through the acts."""
    samples = samples_of(material.series)
    travel = Travel(tuple(BOARDS))
    lives: dict[str, Life] = {}

    async def one_board(board: str) -> None:
        acts = Acts(gateway, board, material, view, travel)
        await feed(acts.node, SENSOR, samples, tally, acts.fed)
        lives[board] = acts.end()

    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(_watch(gateway, tally, view))]
        watching += [group.create_task(tell_restarts(gateway.sessions[board], view.note)) for board in BOARDS]
        feeding = [group.create_task(one_board(board)) for board in BOARDS]
        await asyncio.gather(*feeding)
        for task in watching:
            task.cancel()
    return lives


async def tell_restarts(session: BoardSession, note: Callable[[str], None]) -> None:
    """Name each restart of a board: nothing here asks for one, and what fails after it has that cause."""
    boot_id = session.info.boot_id if session.info else None
    while True:
        looked = session.looked.next()
        info = session.info
        if info and info.boot_id != boot_id:
            if boot_id is not None:
                note(f"{session.name}: the board was restarted ({info.reset_cause.name.lower()})")
            boot_id = info.boot_id
        await looked.wait()


async def _watch(gateway: Gateway, tally: Tally, view: View) -> None:
    async for prediction in gateway.predictions(0):
        day = tally.take(prediction)
        if day is not None:
            view.day(day)


async def _check_features(gateway: Gateway, board: str, tally: Tally) -> int:
    """Compare what a board emitted with wasmtime, bit for bit; return how many are of days that count."""
    records = await gateway.store.stream_records(StreamKey(board, SLOT, STREAM))
    start_ms = int(tally.script.series.time_ms[tally.script.first])
    for record in records:
        expected = tally.script.expected.get(record.time_ms)
        if expected is None or expected.tobytes() != record.values.tobytes():
            raise DemoFailed(
                f"{board}: the features of record {record.seq} are not those that wasmtime computes",
                "the same module must compute the same bits everywhere: run tools/test",
            )
    if len(records) != len(tally.script.expected):
        raise DemoFailed(
            f"{board}: {len(records)} feature vectors arrived, the module makes {len(tally.script.expected)}",
            "see the gateway's log",
        )
    return sum(record.time_ms >= start_ms for record in records)


def _summarize(
    material: Material, tally: Tally, lives: Mapping[str, Life], features: Mapping[str, int]
) -> Summary:
    boards: dict[str, Mapping[str, object]] = {}
    for board, life in sorted(lives.items()):
        boards[board] = {
            "board": BOARDS[board],
            "samples": tally.script.days,
            "warm_up_samples": tally.script.first,
            "features": features[board],
            "predictions": len(tally.counted(board)),
            "swap_gap_ms": life.swap_gap_ms,
            "state_handed_over": bool(life.swapped.state_handed_over),
            "rolled_back": life.rolled_back,
            "moved_paused_s": round(sum(life.paused_s), 3),
            "sequence_gaps": tally.missing_numbers(board),
        }
    return Summary(
        samples=tally.script.days,
        features=min(features.values()),
        predictions=min(len(tally.counted(board)) for board in BOARDS),
        nse=round(tally.nse(), 4),
        swap_gap_ms=max(life.swap_gap_ms for life in lives.values()),
        sequence_gaps=sum(tally.missing_numbers(board) for board in BOARDS),
        boards=boards,
        data=material.source,
    )


# ---- the gateway -----------------------------------------------------------------------------------


def _config(material: Material, links: Mapping[str, str]) -> GatewayConfig:
    """The gateway of the demo: as in models/flood/gateway.toml, with a store and an address of its own."""
    material.folder.mkdir(parents=True, exist_ok=True)
    bundle = material.folder / "flood.bundle"
    bundle.write_bytes(material.first.to_bytes())
    store = material.folder / "gateway.sqlite"
    for path in material.folder.glob(store.name + "*"):
        path.unlink()
    return GatewayConfig.model_validate(
        {
            "gateway": {
                "store": store,
                "commit_every_s": COMMIT_EVERY_S,
                "stale_after_s": STALE_AFTER_S,
                "confirm_after_records": CONFIRM_AFTER,
            },
            "http": {"port": 0},
            "host": {},
            "boards": {board: {"link": url} for board, url in links.items()},
            "modules": {"flood": {"bundle": bundle, "slot": SLOT}},
            "pipelines": {
                "flood": {"source": f"flood/{STREAM}", "model": {"kind": "onnx", "file": material.model}}
            },
        }
    )
