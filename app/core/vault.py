"""Secrets at rest: Fernet with several keys alive, and one-way hashes of tokens."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.errors import PonteError
from app.core.log import register_secret


class VaultError(PonteError):
    """A stored secret cannot be read with the keys at hand. Nothing goes on without it."""


class Vault:
    """Encrypts with the newest of `keys` and reads with any of them. What it reads is never logged again."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are SECRET_KEY's strings, newest first; any length, each is stretched to a Fernet key."""
        if not keys:
            raise VaultError("SECRET_KEY is empty")
        self._fernet = MultiFernet([Fernet(_fernet_key(key)) for key in keys])
        self._signers = [Ed25519PrivateKey.from_private_bytes(_derived(key, b"ponte certificate v1")) for key in keys]

    def __repr__(self) -> str:
        return "Vault(***)"

    def encrypt(self, text: str) -> bytes:
        """A token that only these keys open."""
        register_secret(text)
        return self._fernet.encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """The text inside. Raises VaultError when no key fits."""
        try:
            text = self._fernet.decrypt(token).decode()
        except InvalidToken:
            raise VaultError(
                "a stored secret opens with no key of SECRET_KEY; put the key it was written with back into the list"
            ) from None
        register_secret(text)
        return text

    def sign(self, data: bytes) -> tuple[str, str]:
        """Public key and signature (hex) by the newest key."""
        signer = self._signers[0]
        return _public(signer), signer.sign(data).hex()

    def signed(self, data: bytes, public_key: str, signature: str) -> bool:
        """Whether one of these keys, and the one that is named, signed exactly these bytes."""
        for signer in self._signers:
            if same_secret(public_key, _public(signer)):  # a forger may name a key in any alphabet
                try:
                    signer.public_key().verify(bytes.fromhex(signature), data)
                except (InvalidSignature, ValueError):
                    return False
                return True
        return False

    def rotate(self, token: bytes) -> bytes:
        """The same secret under the newest key. Raises VaultError when no key fits."""
        try:
            return self._fernet.rotate(token)
        except InvalidToken:
            raise VaultError("a stored secret opens with no key of SECRET_KEY") from None


def hash_token(token: str) -> str:
    """SHA-256 in hex: enough for tokens of full entropy, and quick to look up."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_token() -> str:
    """256 unguessable bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def same_secret(given: str, expected: str) -> bool:
    """Compares in constant time, whatever the lengths and alphabets."""
    return hmac.compare_digest(hash_token(given), hash_token(expected)) and bool(expected)


def _fernet_key(key: str) -> bytes:
    return base64.urlsafe_b64encode(_derived(key, b"ponte credentials v1"))


def _derived(key: str, purpose: bytes) -> bytes:
    """32 bytes for one purpose out of a secret of any length."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(key.encode())


def _public(signer: Ed25519PrivateKey) -> str:
    return signer.public_key().public_bytes_raw().hex()
