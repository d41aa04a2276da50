"""What a slot needs, so that it runs what it should: signatures, of which the digest says nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fake_board import make_bundle
from wasmote.gateway.deployment import Action, is_candidate, plan
from wasmote.keys import Key, new_key
from wasmote.signing import sign_bundle
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Candidate, Cause, Failure, ModuleState, ModuleStatus


@pytest.fixture
def release() -> Bundle:
    return make_bundle()


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path))
    return new_key("release")


def status_of(bundle: Bundle, state: ModuleState = ModuleState.RUNNING) -> ModuleStatus:
    made = bundle.manifest
    return ModuleStatus(0, state, made.name, made.version, made.sequence, made.digest, signer=bundle.signer)


def test_the_same_bytes_without_our_signature_are_sent_once_more(release: Bundle, key: Key) -> None:
    ours = sign_bundle(release, key)
    assert plan(status_of(release), ours) is Action.INSTALL
    assert plan(status_of(ours), ours) is Action.LEAVE
    assert plan(status_of(ours), release) is Action.LEAVE
    assert plan(status_of(release, ModuleState.QUARANTINED), ours) is Action.INSTALL
    assert plan(status_of(ours, ModuleState.QUARANTINED), ours) is Action.LEAVE_STOPPED
    assert plan(status_of(release, ModuleState.STOPPED), ours) is Action.LEAVE_STOPPED


def test_what_was_rolled_back_with_our_signature_is_not_tried_again(release: Bundle, key: Key) -> None:
    failed = Failure(Cause.TRAP, release.manifest.digest[:8])
    back = replace(status_of(release), failure=failed)
    assert plan(back, sign_bundle(release, key)) is Action.LEAVE


def test_a_candidate_with_another_signature_is_another(release: Bundle, key: Key) -> None:
    made = release.manifest
    waits = Candidate(made.name, made.version, made.sequence, made.digest)
    status = replace(status_of(release), candidate=waits)
    assert is_candidate(status, release)
    assert not is_candidate(status, sign_bundle(release, key))
