import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from wasmote.build import leb
from wasmote.build.leb import InvalidWasm, Reader
from wasmote.build.opcodes import instructions
from wasmote.build.wasm import F32, I32, Body, FuncType, Kind, Limits, SectionId, WasmModule

EVERY_FORM = """
(module
  (type $binary (func (param i32 i32) (result i32)))
  (import "wasmote" "emit" (func $emit (param i32 i32 i32) (result i32)))
  (import "env" "limit" (global i32))
  (memory (export "memory") 1 4)
  (table 2 funcref)
  (global $sp (mut i32) (i32.const 1024))
  (global (export "__heap_base") i32 (i32.const 70000))
  (global f64 (f64.const 1.5))
  (elem (i32.const 0) $sum $sum)
  (data (i32.const 1024) "hello")
  (func $sum (type $binary) local.get 0 local.get 1 i32.add)
  (func (export "run") (param i32) (result f32) (local f64 i64 i64)
    block
      loop
        local.get 0
        br_table 0 1 1
      end
    end
    i32.const -123456
    i64.const -9000000000
    local.set 2
    i32.const 3
    i32.const 1
    call_indirect (type $binary)
    if (result f32)
      f32.const 0.25
    else
      f64.const 1e300
      i32.trunc_sat_f64_s
      i32.extend8_s
      f32.convert_i32_s
    end
    i32.const 0
    i32.const 16
    i32.const 4
    memory.copy
    i32.const 0
    i32.const 7
    i32.const 4
    memory.fill
    memory.size
    memory.grow
    i32.load offset=300 align=1
    global.set $sp
    i32.const 0
    i64.const 5
    i64.store32 offset=4))
"""


def compiled(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


@given(st.integers(0, 2**64 - 1))
def test_unsigned_integers_survive(value: int) -> None:
    reader = Reader(leb.unsigned(value))
    assert reader.unsigned(64) == value
    assert reader.done


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_integers_survive(value: int) -> None:
    reader = Reader(leb.signed(value))
    assert reader.signed(64) == value
    assert reader.done


@pytest.mark.parametrize(
    ("encoded", "read", "reason"),
    [
        (b"\x80", Reader.u32, "1 bytes are announced where 0 are left"),
        (b"\x80\x80\x80\x80\x80\x00", Reader.u32, "longer than 32 bits"),
        (b"\xff\xff\xff\xff\x1f", Reader.u32, "more than 32 bits"),
        (b"\xff\xff\xff\xff\x07", lambda r: r.signed(31), "more than 31 bits"),
        (b"\x02\xff\xfe", Reader.name, "not UTF-8"),
    ],
)
def test_bad_integers_and_names_are_refused(encoded: bytes, read: object, reason: str) -> None:
    with pytest.raises(InvalidWasm, match=reason):
        read(Reader(encoded))  # type: ignore[operator]


def test_padded_integers_as_linkers_write_them_are_read() -> None:
    assert Reader(b"\x85\x80\x80\x80\x00").u32() == 5
    assert Reader(b"\xff\xff\xff\xff\x7f").signed(32) == -1


def test_a_module_is_read_in_all_its_parts() -> None:
    module = WasmModule.from_bytes(compiled(EVERY_FORM))
    assert [(i.module, i.name, i.kind) for i in module.imports()] == [
        ("wasmote", "emit", Kind.FUNCTION),
        ("env", "limit", Kind.GLOBAL),
    ]
    assert module.memories() == [Limits(1, 4)]
    assert [g.value for g in module.globals()] == [1024, 70000, None]
    assert [g.mutable for g in module.globals()] == [True, False, False]
    assert [(e.name, e.kind) for e in module.exports()] == [
        ("memory", Kind.MEMORY),
        ("__heap_base", Kind.GLOBAL),
        ("run", Kind.FUNCTION),
    ]
    assert module.function_types()[0] == FuncType((I32, I32, I32), (I32,))
    assert module.function_types()[2] == FuncType((I32,), (F32,))
    assert [(s.address, s.data) for s in module.data()] == [(1024, b"hello")]


def test_what_is_read_is_written_back_the_same() -> None:
    encoded = compiled(EVERY_FORM)
    module = WasmModule.from_bytes(encoded)
    assert module.to_bytes() == encoded
    rewritten = module.with_bodies(module.bodies()).with_exports(module.exports())
    rewritten = rewritten.with_memory(module.memories()[0])
    assert rewritten.to_bytes() == encoded


def test_the_walker_splits_code_without_loss() -> None:
    for body in WasmModule.from_bytes(compiled(EVERY_FORM)).bodies():
        found = list(instructions(body.code))
        assert b"".join(one.encoded for one in found) == body.code
        assert found[-1].opcode == 0x0B


@given(st.integers(0, 2**20), st.none() | st.integers(0, 2**20), st.sampled_from([0, 14, 16]))
def test_memory_limits_survive(minimum: int, maximum: int | None, log2: int) -> None:
    limits = Limits(minimum, maximum, log2)
    empty = WasmModule(())
    assert WasmModule.from_bytes(empty.with_memory(limits).to_bytes()).memories() == [limits]


def test_sixteen_kilobyte_pages_are_encoded_as_the_proposal_says() -> None:
    assert Limits(3, None, 14).encode() == bytes([0x08, 3, 14])
    assert Limits(3, 5, 14).encode() == bytes([0x09, 3, 5, 14])
    assert Limits(3, 5, 16).encode() == bytes([0x01, 3, 5])


def test_a_new_section_takes_its_place_and_a_new_function_leaves_indices_alone() -> None:
    source = """(module
        (func (export "one") (result i32) i32.const 1)
        (func (export "two") (result i32) i32.const 2))"""
    module = WasmModule.from_bytes(compiled(source)).with_memory(Limits(1))
    module, index = module.with_function(FuncType((I32,), (I32,)), Body(b"\0", bytes([0x20, 0, 0x0B])))
    assert index == 2
    assert [s.id for s in module.sections] == [
        SectionId.TYPE,
        SectionId.FUNCTION,
        SectionId.MEMORY,
        SectionId.EXPORT,
        SectionId.CODE,
    ]
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, module.to_bytes()), []).exports(store)
    assert [exports[name](store) for name in ("one", "two")] == [1, 2]


def test_custom_sections_are_dropped() -> None:
    with_names = compiled("(module $named (func $inner))")
    plain = WasmModule.from_bytes(with_names).without_custom_sections()
    assert b"inner" in with_names
    assert b"inner" not in plain.to_bytes()
    wasmtime.Module.validate(wasmtime.Engine(), plain.to_bytes())


@pytest.mark.parametrize(
    ("code", "feature"),
    [
        ("(func (result v128) v128.const i64x2 1 2)", "value type 7B"),
        ("(func v128.const i64x2 1 2 drop)", r"SIMD \(instruction FD"),
        (
            "(func (param i32) local.get 0 local.get 0 i32.const 1 select (result i32) drop)",
            "reference types",
        ),
        ("(func ref.null func drop)", "reference types"),
        ("(func $f return_call $f)", "tail calls"),
        ('(memory 1) (data "x") (func i32.const 0 i32.const 0 i32.const 0 memory.init 0)', "passive data"),
        ("(table 1 funcref) (func i32.const 0 ref.null func i32.const 0 table.fill 0)", "reference types"),
        ('(memory 1) (data $x "x") (func data.drop $x)', "passive data"),
        ("(table 1 funcref) (func (drop (table.size 0)))", r"reference types \(instruction FC 10"),
        ("(func (param i64) (drop (i64.mul_wide_s (local.get 0) (local.get 0))) drop)", "wide arithmetic"),
        ('(memory 1) (data "x")', "a data segment is passive"),
        ("(table 1 funcref) (func $f) (elem func $f)", "an element segment is passive"),
        (
            "(table 1 funcref) (table 1 funcref) (elem (table 1) (i32.const 0) func)",
            "explicit index of a table",
        ),
        ("(func $f) (elem declare func $f)", "an element segment is declarative"),
    ],
)
def test_features_that_nodes_lack_are_named(code: str, feature: str) -> None:
    module = WasmModule.from_bytes(compiled(f"(module {code})"))
    with pytest.raises(InvalidWasm, match=feature):
        read_all_parts(module)


def read_all_parts(module: WasmModule) -> None:
    module.function_types()
    for body in module.bodies():
        body.instructions()
    module.data(), module.table()


def test_what_is_no_module_says_so() -> None:
    with pytest.raises(InvalidWasm, match="not a WebAssembly module"):
        WasmModule.from_bytes(b"\x7fELF")
    with pytest.raises(InvalidWasm, match="section 77 is not known"):
        WasmModule.from_bytes(b"\0asm\1\0\0\0\x4d\0")
    with pytest.raises(InvalidWasm, match="section type is out of order"):
        WasmModule.from_bytes(b"\0asm\1\0\0\0\x03\x01\0\x01\x01\0")


def read_everything(encoded: bytes) -> None:
    module = WasmModule.from_bytes(encoded)
    for part in (module.types, module.imports, module.function_types, module.memories, module.globals):
        part()
    module.exports(), module.data(), [body.instructions() for body in module.bodies()]


def test_every_prefix_is_read_or_refused_with_an_error_of_ours() -> None:
    encoded = compiled(EVERY_FORM)
    for length in range(len(encoded)):
        try:
            read_everything(encoded[:length])
        except InvalidWasm:
            continue


@given(st.integers(0), st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused_with_an_error_of_ours(position: int, value: int) -> None:
    encoded = bytearray(compiled(EVERY_FORM))
    encoded[position % len(encoded)] = value
    try:
        read_everything(bytes(encoded))
    except InvalidWasm:
        return
