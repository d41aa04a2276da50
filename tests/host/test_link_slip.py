"""SLIP and slipmux without I/O: published bytes, round trips, and what is dropped."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmote.link import slip, slipmux
from wasmote.link.slipmux import CoapFrame, DiagnosticFrame, SlipmuxDecoder

FRAMES = st.one_of(
    st.binary(max_size=slipmux.COAP_MESSAGE_MAX).map(CoapFrame), st.text(max_size=200).map(DiagnosticFrame)
)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def test_published_fcs():
    assert slipmux.fcs16(b"coap is cool!") == bytes.fromhex("2426")
    assert slipmux.fcs16(b"123456789") == bytes.fromhex("6e90")  # the check value of CRC-16/X.25


def test_a_published_message_has_these_bytes_on_the_line():
    """The request of RFC 7252 figure 16; checksum by a bit-by-bit CRC, here as in the firmware's tests."""
    message = bytes.fromhex("40017d34bb") + b"temperature"
    line = b"\xc0\xa9" + message + bytes.fromhex("5ec6c0")
    assert CoapFrame(message).to_bytes() == line
    assert list(SlipmuxDecoder().feed(line)) == [CoapFrame(message)]


def test_frame_bytes():
    frame = CoapFrame(bytes([0x40, slip.END, slip.ESC, 0x01])).to_bytes()
    assert frame[:1] == frame[-1:] == b"\xc0"
    assert frame[1:7] == b"\xa9\x40\xdb\xdc\xdb\xdd"
    assert DiagnosticFrame("hi").to_bytes() == b"\xc0\x0ahi\xc0"


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(0, 10**6), max_size=20))
def test_round_trip_in_any_pieces(frames, cuts):
    decoder = SlipmuxDecoder()
    line = b"".join(frame.to_bytes() for frame in frames)
    received = [frame for piece in pieces(line, cuts) for frame in decoder.feed(piece)]
    assert received == frames
    assert decoder.counters.dropped == 0


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_any_noise_before_an_end_costs_no_later_frame(noise, message):
    decoder = SlipmuxDecoder()
    wanted = CoapFrame(message)
    assert list(decoder.feed(noise + b"\xc0" + wanted.to_bytes()))[-1] == wanted


@given(st.binary(min_size=1, max_size=100), st.data())
def test_a_flipped_bit_is_never_taken_for_a_message(message, data):
    line = bytearray(CoapFrame(message).to_bytes())
    position = data.draw(st.integers(0, len(line) - 1))
    line[position] ^= 1 << data.draw(st.integers(0, 7))
    decoder = SlipmuxDecoder()
    received = [frame for frame in decoder.feed(bytes(line) + b"\xc0") if isinstance(frame, CoapFrame)]
    assert received in ([], [CoapFrame(message)])  # a flip in an outer END leaves the frame whole


def test_end_after_escape_aborts_the_frame_and_the_next_one_is_read():
    good = CoapFrame(b"good")
    aborted = CoapFrame(b"lost").to_bytes()[:-1] + b"\xdb\xc0"
    decoder = SlipmuxDecoder()
    assert list(decoder.feed(aborted + good.to_bytes())) == [good]
    assert decoder.counters.slip.bad_escape == 1


def test_after_a_bad_escape_everything_up_to_end_is_skipped():
    # what follows the bad escape looks like the beginning of a frame, and must not be taken for one
    trap = b"\xc0\xa9abc\xdb\x00" + CoapFrame(b"trap").to_bytes()[1:]
    decoder = SlipmuxDecoder()
    assert list(decoder.feed(trap + CoapFrame(b"good").to_bytes())) == [CoapFrame(b"good")]


@pytest.mark.parametrize("filler", [b"x", b"\xdb\xdc", b"\xdb"], ids=["plain", "escaped", "endless-esc"])
def test_a_frame_without_an_end_takes_bounded_memory(filler):
    decoder = SlipmuxDecoder()
    for _ in range(200):
        assert list(decoder.feed(filler * 1000)) == []
        assert len(decoder._slip._raw) <= 2 * slipmux.FRAME_MAX
    good = CoapFrame(b"good")
    assert list(decoder.feed(good.to_bytes())) == [good]
    assert decoder.counters.slip.too_long == 1


def test_unknown_kinds_and_short_frames_are_counted():
    decoder = SlipmuxDecoder()
    chatter = b"ESP-ROM:esp32c3\r\n\xc0\xa9\xc0\xa9\x01\xc0"
    assert list(decoder.feed(chatter)) == []
    assert (decoder.counters.unknown_kind, decoder.counters.bad_fcs) == (1, 2)


def test_diagnostics_that_are_not_utf8_are_still_shown():
    assert list(SlipmuxDecoder().feed(b"\xc0\x0a\xff!\xc0")) == [DiagnosticFrame("\ufffd!")]
