"""Secrets at rest open with the right keys only, and keys rotate without a moment without service."""

import pytest

from app.core.log import mask
from app.core.vault import Vault, VaultError, hash_token, new_token, same_secret


def test_what_is_encrypted_comes_back_and_never_looks_alike_twice() -> None:
    vault = Vault(["key one"])
    first, second = vault.encrypt("sandbox-app-secret"), vault.encrypt("sandbox-app-secret")
    assert first != second
    assert b"sandbox" not in first
    assert vault.decrypt(first) == vault.decrypt(second) == "sandbox-app-secret"


def test_rotation_keeps_old_secrets_readable_and_moves_them_to_the_new_key() -> None:
    old = Vault(["old"]).encrypt("sandbox-user-key")
    both = Vault(["new", "old"])
    assert both.decrypt(old) == "sandbox-user-key"
    assert Vault(["new"]).decrypt(both.rotate(old)) == "sandbox-user-key"


def test_a_wrong_key_fails_closed_and_says_which_setting() -> None:
    sealed = Vault(["right"]).encrypt("sandbox-user-key")
    for attempt in (Vault(["wrong"]).decrypt, Vault(["wrong"]).rotate):
        with pytest.raises(VaultError, match="SECRET_KEY"):
            attempt(sealed)
    with pytest.raises(VaultError, match="SECRET_KEY"):
        Vault([])


def test_tampered_text_does_not_open() -> None:
    vault = Vault(["key"])
    sealed = bytearray(vault.encrypt("sandbox-user-key"))
    sealed[30] ^= 1
    with pytest.raises(VaultError):
        vault.decrypt(bytes(sealed))


def test_a_vault_shows_nothing_and_teaches_the_log_what_to_hide() -> None:
    vault = Vault(["canary-key"])
    assert "canary" not in repr(vault)
    Vault(["canary-key"]).decrypt(vault.encrypt("canary-credential"))
    assert mask("the vendor said canary-credential") == "the vendor said ***"


def test_tokens_are_long_hashed_and_compared_whole() -> None:
    token = new_token()
    assert len(token) >= 43
    assert new_token() != token
    assert len(hash_token(token)) == 64
    assert same_secret(token, token)
    assert not same_secret(token, token + "x")
    assert not same_secret("", "")
