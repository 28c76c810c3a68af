"""The record of credentials: who has which, until when, taken back when."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from yunjin.errors import ConflictError
from yunjin.store import Credential, Store

if TYPE_CHECKING:
    from clocks import Clock


@pytest.fixture
def credential(clock: Clock) -> Credential:
    return Credential(
        id="c-1",
        tenant="jtj",
        role="tenant-admin",
        post="信息科",
        leaves=(("k8s-egov", "jtj-egov"), ("k8s-inet", "jtj-inet")),
        issued=clock(),
        expires=clock() + timedelta(days=90),
    )


def test_a_credential_is_listed_until_it_expires(store: Store, clock: Clock, credential: Credential) -> None:
    store.credentials.record(credential)
    assert store.credentials.get("c-1") == credential
    assert store.credentials.holding() == (credential,)

    clock.advance(90 * 86400)

    assert store.credentials.holding() == ()
    assert store.credentials.of("jtj") == (credential,)


def test_taking_back_counts_once(store: Store, clock: Clock, credential: Credential) -> None:
    store.credentials.record(credential)
    clock.advance(60)
    at = clock()
    assert store.credentials.revoke("c-1")
    clock.advance(60)

    assert not store.credentials.revoke("c-1")
    assert not store.credentials.revoke("c-2")
    assert store.credentials.get("c-1") == replace(credential, revoked=at)
    assert store.credentials.holding() == ()


def test_one_that_is_to_end_sooner_is_due_then_until_it_is_taken_back(
    store: Store, clock: Clock, credential: Credential
) -> None:
    store.credentials.record(credential)
    sooner = clock() + timedelta(hours=1)
    assert store.credentials.shorten("c-1", sooner)
    assert not store.credentials.shorten("c-1", sooner + timedelta(hours=1))
    assert not store.credentials.shorten("c-2", sooner)
    assert store.credentials.get("c-1") == replace(credential, expires=sooner)
    assert store.credentials.due() == ()
    clock.advance(3600)
    assert store.credentials.due() == (replace(credential, expires=sooner),)
    assert store.credentials.holding() == ()
    assert store.credentials.revoke("c-1")
    assert store.credentials.due() == ()
    assert not store.credentials.shorten("c-1", clock())


def test_an_id_is_used_once(store: Store, credential: Credential) -> None:
    store.credentials.record(credential)

    with pytest.raises(ConflictError, match="c-1"):
        store.credentials.record(replace(credential, tenant="gaj"))
    assert store.credentials.of("gaj") == ()


def test_there_is_no_place_for_a_secret() -> None:
    assert {field.name for field in fields(Credential)} == {
        "id", "tenant", "role", "post", "leaves", "issued", "expires", "revoked",
    }  # fmt: skip
