"""Random modules that are valid or nearly so, for comparing validators.

A module is made well-formed and well-typed first, then damaged or not: in its instructions, in its
sections, in its bytes. Random bytes alone would be refused by the first rule they meet.
"""

from __future__ import annotations

from random import Random

from random_body import (
    F64,
    I32,
    I64,
    OPERATIONS,
    VALUE_TYPES,
    BodyMaker,
    Surroundings,
    Types,
    constant,
    immediates,
    limits,
    unsigned,
    vector,
)

HEADER = b"\0asm\x01\0\0\0"

Section = tuple[int, bytes]


class ModuleMaker:
    """Random modules from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def make(self) -> bytes:
        """A module: about half of them are valid."""
        sections = self._sections(damaged=self.random.random() < 0.5)
        if self.random.random() < 0.15:
            sections = self._damage_sections(sections)
        encoded = assemble(sections)
        return self.damage_bytes(encoded) if self.random.random() < 0.15 else encoded

    def damage_bytes(self, encoded: bytes) -> bytes:
        """Change, remove or add one to three bytes."""
        out = bytearray(encoded)
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(out)) if out else 0
            match self.random.randrange(4):
                case 0:
                    out[at : at + 1] = bytes([out[at] ^ 1 << self.random.randrange(8)]) if out else b""
                case 1:
                    out[at : at + 1] = self.random.randbytes(1)
                case 2:
                    del out[at : at + self.random.randint(1, 3)]
                case _:
                    out[at:at] = self.random.randbytes(1)
        return bytes(out)

    def _types(self) -> list[tuple[Types, Types]]:
        random = self.random
        made: list[tuple[Types, Types]] = [((), ()), ((I32,), (I32,)), ((F64, I64), (I64, F64))]
        for _ in range(random.randint(0, 3)):
            params = tuple(random.choices(VALUE_TYPES, k=random.randint(0, 4)))
            made.append((params, tuple(random.choices(VALUE_TYPES, k=random.randint(0, 3)))))
        return made

    def _globals(self, count: int) -> list[tuple[int, bool]]:
        return [(self.random.choice(VALUE_TYPES), self.random.random() < 0.6) for _ in range(count)]

    def _initializer(self, wanted: int, imported: list[tuple[int, bool]]) -> bytes:
        usable = [i for i, entry in enumerate(imported) if entry == (wanted, False)]
        if usable and self.random.random() < 0.5:
            return b"\x23" + unsigned(self.random.choice(usable)) + b"\x0b"
        return constant(self.random, wanted) + b"\x0b"

    def _sections(self, *, damaged: bool) -> list[Section]:
        random = self.random
        types = self._types()
        imported = [random.randrange(len(types)) for _ in range(random.randint(0, 2))]
        defined = [random.randrange(len(types)) for _ in range(random.randint(1, 3))]
        imported_globals, own_globals = (
            self._globals(random.randint(0, 2)),
            self._globals(random.randint(0, 3)),
        )
        around = Surroundings(
            types,
            imported + defined,
            imported_globals + own_globals,
            random.random() < 0.8,
            random.random() < 0.7,
        )
        sections: list[Section] = [(1, vector([function_type(*entry) for entry in types]))]
        imports = [b"\1m\1f\0" + unsigned(index) for index in imported]
        imports += [b"\1m\1g\3" + bytes(entry) for entry in imported_globals]
        sections += [(2, vector(imports)), (3, vector([unsigned(index) for index in defined]))]
        if around.table:
            sections.append((4, vector([b"\x70" + limits(4, random.choice((None, 4, 9)))])))
        if around.memory:
            sections.append((5, vector([limits(1, random.choice((None, 1, 3, 65536)))])))
        inits = [bytes(entry) + self._initializer(entry[0], imported_globals) for entry in own_globals]
        sections.append((6, vector(inits)))
        sections += self._tail(around, imported_globals)
        bodies = [self._body(around, index, damaged=damaged) for index in defined]
        data = [b"\0" + self._initializer(I32, imported_globals) + b"\2ab"] if around.memory else []
        if random.random() < 0.3:
            sections.append((12, unsigned(len(data))))
        return [*sections, (10, vector(bodies)), (11, vector(data))]

    def _tail(self, around: Surroundings, imported_globals: list[tuple[int, bool]]) -> list[Section]:
        """Exports, start, elements."""
        random = self.random
        last = unsigned(len(around.functions) - 1)
        exports = [b"\1f\0" + last] + [b"\1m\2\0"] * around.memory + [b"\1t\1\0"] * around.table
        exports += [b"\1g\3" + unsigned(i) for i in range(len(around.globals))][:1]
        sections = [(7, vector(exports))]
        plain = [i for i, index in enumerate(around.functions) if around.types[index] == ((), ())]
        if plain and random.random() < 0.5:
            sections.append((8, unsigned(random.choice(plain))))
        if around.table:
            entries = [unsigned(random.randrange(len(around.functions))) for _ in range(random.randint(0, 3))]
            sections.append((9, vector([b"\0" + self._initializer(I32, imported_globals) + vector(entries)])))
        return sections

    def _body(self, around: Surroundings, type_index: int, *, damaged: bool) -> bytes:
        random = self.random
        params, results = around.types[type_index]
        groups = [(random.randint(0, 3), random.choice(VALUE_TYPES)) for _ in range(random.randint(0, 3))]
        variables = [*params, *(kind for count, kind in groups for _ in range(count))]
        code = BodyMaker(random, around, variables, results).make(random.randint(0, 40))
        if damaged:
            self._damage_code(code)
        body = vector([unsigned(count) + bytes([kind]) for count, kind in groups]) + b"".join(code)
        return unsigned(len(body)) + body

    def _damage_code(self, code: list[bytes]) -> None:
        """Change one or two instructions, most of the time into others that exist."""
        random = self.random
        for _ in range(random.randint(1, 2)):
            at, other = random.randrange(len(code)), random.randrange(len(code))
            match random.randrange(6):
                case 0 if len(code) > 1:
                    del code[at]
                case 1:
                    code.insert(at, code[other])
                case 2:
                    code[at], code[other] = code[other], code[at]
                case 3:
                    operation = random.choice(OPERATIONS)
                    code[at] = operation.encoded + immediates(random, operation)
                case 4:
                    code[at] = (
                        bytes([random.choice((0, 1, 2, 3, 4, 5, 0x0C, 0x0D, 0x0F, 0x1A, 0x1B))])
                        + code[at][1:]
                    )
                case _:
                    code[at] = self.damage_bytes(code[at])

    def _damage_sections(self, sections: list[Section]) -> list[Section]:
        random = self.random
        at = random.randrange(len(sections))
        match random.randrange(5):
            case 0:
                return sections[:at] + sections[at + 1 :]
            case 1:
                return sections[: at + 1] + sections[at:]
            case 2:
                shuffled = list(sections)
                other = random.randrange(len(sections))
                shuffled[at], shuffled[other] = shuffled[other], shuffled[at]
                return shuffled
            case 3:
                custom = (
                    random.choice((0, 0, 13, 14)),
                    b"\4na" + random.choice((b"me", b"\xc3\xa9", b"\xc3x")),
                )
                return [*sections[:at], custom, *sections[at:]]
            case _:
                number, payload = sections[at]
                return [*sections[:at], (number, self.damage_bytes(payload)), *sections[at + 1 :]]


def function_type(params: Types, results: Types) -> bytes:
    """An entry of the type section."""
    return b"\x60" + vector([bytes([t]) for t in params]) + vector([bytes([t]) for t in results])


def assemble(sections: list[Section]) -> bytes:
    """A module of these sections."""
    return HEADER + b"".join(bytes([number]) + unsigned(len(data)) + data for number, data in sections)
