"""The contract between stream and model: canonical text, and differences that are named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wasmote.contract import Contract, ContractMismatch
from wasmote.wire.manifest import Stream

STREAM = Stream("features", (2,), ("rain", "flow"), ("mm", "m³/s"))


def test_canonical_json_is_compact_sorted_ascii() -> None:
    assert Contract.of(STREAM).to_json() == (
        '{"dtype":"f32","fields":["rain","flow"],"shape":[2],"stream":"features","units":["mm","m\\u00b3/s"]}'
    )


def test_round_trip_and_fit() -> None:
    contract = Contract.of(STREAM)
    assert Contract.from_json(contract.to_json()) == contract
    contract.require(Contract.of(STREAM))


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        (
            "fields",
            ("flow", "rain"),
            r"fields: the model wants \[rain, flow\], the module gives \[flow, rain\]",
        ),
        ("units", ("in", "m³/s"), "units: the model wants"),
        ("shape", (1, 2), r"shape: the model wants \[2\], the module gives \[1, 2\]"),
        ("dtype", "f64", "dtype: the model wants f32, the module gives f64"),
        ("stream", "other", "stream: the model wants features, the module gives other"),
    ],
)
def test_each_difference_is_named(part: str, value: Any, message: str) -> None:
    contract = Contract.of(STREAM)
    with pytest.raises(ContractMismatch, match=message) as raised:
        contract.require(replace(contract, **{part: value}))
    assert raised.value.hint


@given(st.one_of(st.text(), st.sampled_from(["[]", "{}", '{"stream":"x","dtype":"f32","shape":3}'])))
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ContractMismatch, match="not readable"):
        Contract.from_json(text)
