import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmote.build.packer import STACKLESS_END, MemoryPlan, pack
from wasmote.build.pages import PackRefused, to_byte_pages, to_small_pages
from wasmote.build.wasm import Limits, WasmModule

ABOVE = 0x1_0000_0000


def engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.wasm_custom_page_sizes = True
    return wasmtime.Engine(config)


ENGINE = engine()


def compiled(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def run(module: bytes, function: str = "run", *arguments: int) -> int | str:
    store = wasmtime.Store(ENGINE)
    try:
        exports = wasmtime.Instance(store, wasmtime.Module(ENGINE, module), []).exports(store)
        return int(exports[function](store, *arguments))
    except wasmtime.Trap as trap:
        return str(trap.trap_code)


def packed(text: str, plan: MemoryPlan = MemoryPlan()) -> bytes:  # noqa: B008 - it is a value
    return pack(compiled(text), plan).wasm


def memory_of(module: bytes) -> Limits:
    return WasmModule.from_bytes(module).memories()[0]


def heap_base(end: int, *, stack: int = 1024, rest: str = "", pages: int = 2) -> str:
    return f"""(module (memory (export "memory") {pages})
        (global $sp (mut i32) (i32.const {stack}))
        (global (export "__heap_base") i32 (i32.const {end})) {rest})"""


# ---- how many pages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "pages"), [(1024, 1), (16384, 1), (16385, 2), (98304, 6)])
def test_a_linked_module_gets_the_pages_up_to_its_heap_base_and_cannot_grow(end: int, pages: int) -> None:
    module = packed(heap_base(end))
    assert memory_of(module) == Limits(pages, pages, 14)


def test_the_linkers_exports_are_gone_from_a_packed_module() -> None:
    assert [entry.name for entry in WasmModule.from_bytes(packed(heap_base(1024))).exports()] == ["memory"]


def test_a_module_that_does_not_tell_its_end_keeps_all_that_it_declares() -> None:
    assert memory_of(packed('(module (memory (export "memory") 2))')) == Limits(8, 8, 14)


def test_a_module_that_counts_pages_keeps_whole_64_kib() -> None:
    module = packed(heap_base(2000, rest='(func (export "run") (result i32) memory.size)'))
    assert memory_of(module) == Limits(8, 8, 14)


def test_a_growing_module_may_grow_to_what_it_declares_or_is_given() -> None:
    source = '(module (memory {}) (func (export "run") (param i32) (result i32) local.get 0 memory.grow))'
    assert memory_of(packed(source.format("1 3"))) == Limits(4, 12, 14)
    assert memory_of(packed(source.format("1"))) == Limits(4, 4, 14)
    assert memory_of(packed(source.format("1"), MemoryPlan(pages=20))) == Limits(4, 20, 14)


def test_packing_twice_changes_nothing() -> None:
    once = packed(heap_base(20000, rest='(func (export "run") (result i32) i32.const 1)'))
    assert pack(once).wasm == once
    assert to_small_pages(once) == once


# ---- bytes -----------------------------------------------------------------------------------------------


def use_of(text: str, plan: MemoryPlan) -> tuple[int | None, tuple[int, int, int]]:
    made = pack(compiled(text), plan)
    assert made.use is not None
    return made.memory_bytes, (made.use.stack, made.use.data, made.use.heap)


@pytest.mark.parametrize(
    ("plan", "held", "use"),
    [
        (MemoryPlan(), None, (1024, 18976, 12768)),
        (MemoryPlan(heap=12768), None, (1024, 18976, 12768)),
        (MemoryPlan(heap=12769), None, (1024, 18976, 29152)),
        (MemoryPlan(trim=True), 20000, (1024, 18976, 0)),
        (MemoryPlan(trim=True, heap=5), 20008, (1024, 18976, 8)),
        (MemoryPlan(trim=True, heap=12769), 32776, (1024, 18976, 12776)),
    ],
)
def test_stack_data_and_heap_are_measured(
    plan: MemoryPlan, held: int | None, use: tuple[int, int, int]
) -> None:
    assert use_of(heap_base(20000), plan) == (held, use)
    assert pack(compiled(heap_base(20000)), plan).pages == -(-sum(use) // 16384)


def test_a_language_without_a_stack_has_data_and_heap() -> None:
    source = """(module (memory 1) (data (i32.const 8) "abc") (global (mut i32) (i32.const 70000))
        (global (export "wasmote_memory_end") i32 (i32.const 100)))"""
    assert use_of(source, MemoryPlan()) == (None, (0, 100, 16284))


def test_a_module_that_does_not_tell_its_end_is_not_measured() -> None:
    assert pack(compiled("(module (memory 1))")).use is None


def test_a_declared_heap_counts_for_a_module_with_16_kib_pages_too() -> None:
    module = WasmModule.from_bytes(compiled(heap_base(20000))).with_memory(Limits(2, 2, 14)).to_bytes()
    assert pack(module, MemoryPlan(heap=20000)).pages == 3
    assert pack(module, MemoryPlan(trim=True)).memory_bytes == 20000


@pytest.mark.parametrize("held", [20000, 32767])
def test_a_trimmed_memory_ends_at_its_last_byte(held: int) -> None:
    rest = '(func (export "run") (param i32) (result i32) local.get 0 i32.load8_u)'
    module = to_byte_pages(packed(heap_base(20000, rest=rest)), held)
    assert memory_of(module) == Limits(held, held, 0)
    assert run(module, "run", held - 1) == 0
    assert run(module, "run", held) == str(wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS)


def test_a_trimmed_memory_counts_its_last_page_and_does_not_grow() -> None:
    """Whoever makes the manifest may trim what the packer would not."""
    body = '(func (export "run") (param i32) (result i32) {})'
    source = "(module (memory 2 9) " + body + ")"
    for code, argument, answer in (
        ("memory.size", 0, 2),
        ("(memory.grow (local.get 0))", 0, 2),
        ("(memory.grow (local.get 0))", 1, -1),
        ("(memory.grow (local.get 0))", 0x40000, -1),
    ):
        native = WasmModule.from_bytes(compiled(source.format(code))).with_memory(Limits(2, 9, 14))
        assert run(to_byte_pages(native.to_bytes(), 20000), "run", argument) == answer


# ---- exactly 64 KiB --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Limits(0), Limits(0, None, 14)),
        (Limits(1), Limits(4, None, 14)),
        (Limits(2, 3), Limits(8, 12, 14)),
        (Limits(0, 65536), Limits(0, 262144, 14)),
        (Limits(0, 0xFFFF_FFFF), Limits(0, 0xFFFF_FFFF, 14)),  # as much too large as it was
    ],
)
def test_limits_become_four_times_as_many_small_pages(before: Limits, after: Limits) -> None:
    module = WasmModule.from_bytes(compiled("(module (memory 0))")).with_memory(before).to_bytes()
    assert memory_of(to_small_pages(module)) == after


def test_only_what_counts_pages_is_rewritten_and_no_index_moves() -> None:
    source = """(module (memory 1) (table 1 funcref) (elem (i32.const 0) $grow)
        (func $peek (param i32) (result i32) (i32.load (local.get 0)))
        (func $grow (export "run") (param i32) (result i32) (memory.grow (local.get 0))))"""
    before, after = (
        WasmModule.from_bytes(one) for one in (compiled(source), to_small_pages(compiled(source)))
    )
    assert before.bodies()[0].code == after.bodies()[0].code
    assert len(after.bodies()) == 3
    assert after.exports() == before.exports()


def test_a_module_without_memory_stays_as_it_is() -> None:
    module = compiled('(module (func (export "run") (result i32) i32.const 1))')
    assert to_small_pages(module) == module


# ---- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reason", "hint"),
    [
        ("(module)", "has 0 memories", ""),
        ('(module (import "env" "memory" (memory 1)))', "imports its memory", "--import-memory"),
        (
            heap_base(70000, stack=66576, rest='(data (i32.const 1024) "x")'),
            "C stack above its data",
            "--stack-first",
        ),
        (heap_base(1048600, stack=1048576, pages=17), "C stack of 1048576 bytes", "stack-size=1024"),
        ("(module (memory 17))", "needs 68 pages.*does not export __heap_base", "--export=__heap_base"),
        (heap_base(1_200_000, pages=19), "needs 74 pages", "large arrays"),
    ],
)
def test_what_cannot_be_packed_is_refused_with_the_flag_that_mends_it(
    source: str, reason: str, hint: str
) -> None:
    with pytest.raises(PackRefused, match=reason) as refusal:
        packed(source)
    assert hint in refusal.value.hint


def test_too_few_pages_are_refused() -> None:
    with pytest.raises(PackRefused, match="needs 2 pages of 16 KiB from the start; pages = 1"):
        packed(heap_base(20000), MemoryPlan(pages=1))


@pytest.mark.parametrize(
    ("source", "plan", "reason", "hint"),
    [
        (
            "(module (memory 1))",
            MemoryPlan(trim=True),
            "not tell where its data ends, which trim",
            "__heap_base",
        ),
        (
            "(module (memory 1))",
            MemoryPlan(heap=1),
            "not tell where its data ends, which heap",
            STACKLESS_END,
        ),
        (
            heap_base(2000, rest="(func (drop memory.size))"),
            MemoryPlan(trim=True),
            r"asks memory\.size",
            "leave trim out",
        ),
        (
            heap_base(2000, rest="(func (drop (memory.grow (i32.const 1))))"),
            MemoryPlan(trim=True, page_bytes=16384),
            r"calls memory\.grow",
            "declared heap",
        ),
        (heap_base(2000), MemoryPlan(trim=True, pages=2), "pages and trim exclude each other", ""),
        (heap_base(2000), MemoryPlan(heap=64 * 16384), "needs 65 pages", "large arrays"),
        (
            heap_base(70000, pages=1, rest="(func (drop memory.size))"),
            MemoryPlan(),
            "__heap_base = 70000, but its memory ends at 65536",
            "another name",
        ),
    ],
)
def test_what_cannot_have_the_memory_that_it_is_to_have_is_refused(
    source: str, plan: MemoryPlan, reason: str, hint: str
) -> None:
    with pytest.raises(PackRefused, match=reason) as refusal:
        packed(source, plan)
    assert hint in refusal.value.hint


def test_other_page_sizes_are_refused() -> None:
    bytewise = to_byte_pages(packed(heap_base(20000)))
    for turn in (pack, to_small_pages):
        with pytest.raises(PackRefused, match=r"pages of 2\^0 bytes"):
            turn(bytewise)
    with pytest.raises(PackRefused, match="pages of 65536 bytes, not 16384"):
        to_byte_pages(compiled(heap_base(20000)))


def test_a_module_without_memory_has_no_pages_to_turn() -> None:
    module = compiled("(module)")
    assert to_byte_pages(module) == module


# ---- names that only a linker may give -------------------------------------------------------------------

ANY = '(module (memory (export "memory") 2) (global $sp (mut i32) (i32.const 1024)) {0})'


@pytest.mark.parametrize("plan", [MemoryPlan(), MemoryPlan(trim=True), MemoryPlan(heap=100)])
@pytest.mark.parametrize("name", ["__heap_base", "wasmote_memory_end"])
@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ('(global (export "{0}") (mut i32) (i32.const 4096))', "no immutable i32 global with a constant"),
        ('(global (export "{0}") i64 (i64.const 4096))', "no immutable i32 global with a constant"),
        ('(global (export "{0}") f32 (f32.const 4096))', "no immutable i32 global with a constant"),
        ('(func (export "{0}"))', "no immutable i32 global with a constant"),
        ('(export "{0}" (memory 0))', "no immutable i32 global with a constant"),
        ('(global (export "{0}") i32 (i32.const -16))', "= 4294967280, but its memory ends at 131072"),
        ('(global (export "{0}") i32 (i32.const 131073))', "= 131073, but its memory ends at 131072"),
        (
            '@ (data (i32.const 4090) "0123456")',
            "= 4096, but its data ends at 4097",
        ),
        (
            '@ (global (export "__data_end") i32 (i32.const 4097))',
            "= 4096, but its data ends at 4097",
        ),
        (
            '@ (global (export "__global_base") i32 (i32.const 5000))',
            "= 4096, but its data begins at 5000",
        ),
        (
            '(global (export "{0}") i32 (i32.const 512)) (export "__stack_pointer" (global $sp))',
            "= 512, but its C stack ends at 1024",
        ),
        (
            '@ (global (export "__stack_pointer") i32 (i32.const 0))',
            "a __stack_pointer that no linker has made: it is no mutable i32 global",
        ),
        (
            '@ (global (export "__data_end") f64 (f64.const 0))',
            "a __data_end that no linker has made",
        ),
        (
            '@ (func (export "__global_base"))',
            "a __global_base that no linker has made",
        ),
    ],
)
def test_memory_is_not_cut_by_what_no_linker_has_made(
    name: str, rest: str, reason: str, plan: MemoryPlan
) -> None:
    """`@` stands for what a linker would have made."""
    made = '(global (export "{0}") i32 (i32.const 4096))'
    with pytest.raises(PackRefused, match=reason):
        packed(ANY.format(rest.replace("@", made).format(name)), plan)


# ---- meaning ---------------------------------------------------------------------------------------------


def test_an_access_traps_at_the_end_of_the_small_pages() -> None:
    peek = '(func (export "run") (param i32) (result i32) local.get 0 i32.load8_u)'
    module = to_byte_pages(packed(heap_base(20000, rest=peek)))
    assert run(module, "run", 32767) == 0
    assert run(module, "run", 32768) == str(wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS)


def test_a_module_made_for_small_pages_counts_them_one_by_one() -> None:
    source = compiled("""(module (memory 1 9)
        (func (export "run") (param i32) (result i32)
            (i32.add (i32.mul (memory.grow (local.get 0)) (i32.const 100)) (memory.size))))""")
    native = WasmModule.from_bytes(source).with_memory(Limits(3, 9, 14)).to_bytes()
    module = to_byte_pages(pack(native).wasm)
    assert memory_of(module) == Limits(3 * 16384, 9 * 16384, 0)
    assert run(module, "run", 2) == 305
    assert run(module, "run", 7) == -97


addresses = st.integers(0, 4 * 65536 + 8) | st.integers(ABOVE - 8, ABOVE - 1)
steps = st.one_of(
    st.just("(memory.size)"),
    st.builds("(memory.grow (i32.const {}))".format, st.integers(0, 3) | st.integers(0, ABOVE - 1)),
    st.builds("(i32.const {})".format, st.integers(0, ABOVE - 1)),
    st.builds("(i32.load8_u (i32.const {}))".format, addresses),
    st.builds("(i32.load (i32.mul (memory.size) (i32.const {})))".format, st.sampled_from([65536, 65535, 4])),
    st.builds("(call $poke (i32.const {}) (i32.const {}))".format, addresses, st.integers(0, 255)),
)


def program(body: list[str], pages: int, maximum: int) -> bytes:
    """Mix the results of all steps, so that each counts."""
    mixed = "(i32.const 1)"
    for step in body:
        mixed = f"(i32.add (i32.mul {mixed} (i32.const 31)) {step})"
    return compiled(f"""(module (memory (export "memory") {pages} {maximum}) (data (i32.const 65000) "data")
        (func $poke (param i32 i32) (result i32)
            (i32.store8 (local.get 0) (local.get 1)) (i32.load8_u (local.get 0)))
        (func (export "run") (result i32) {mixed}))""")


@given(st.lists(steps, min_size=1, max_size=8), st.integers(1, 2), st.integers(2, 4))
@settings(max_examples=150, deadline=None)
def test_a_packed_module_means_what_it_meant_before(body: list[str], pages: int, maximum: int) -> None:
    original = program(body, pages, maximum)
    assert run(to_byte_pages(pack(original).wasm)) == run(original)
    assert run(to_byte_pages(to_small_pages(original))) == run(original)
