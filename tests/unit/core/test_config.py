"""Settings refuse to start a production with weak secrets, and start a local one with none."""

import re
from pathlib import Path
from typing import Any

import pytest

from app.core.config import ConfigError, Settings, generated_secrets, load_settings

STRONG = {"secret_key": "k" * 32, "admin_token": "t" * 32, "public_url": "https://ponte.example.com.br"}


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_local_starts_with_nothing_set_and_keeps_its_secrets(tmp_path: Path) -> None:
    first, again = load_settings(), load_settings()
    assert first.secret_keys == again.secret_keys != []
    assert first.admin_token.get_secret_value() == again.admin_token.get_secret_value() != ""
    assert first.database_url == "sqlite+aiosqlite:///data/ponte.db"
    files = [tmp_path / "data" / "secret_key", tmp_path / "data" / "admin_token"]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert [path.name for path in generated_secrets(first)] == ["secret_key", "admin_token"]


def test_production_starts_with_strong_secrets_and_https() -> None:
    assert load_settings(environment="production", **STRONG).secret_keys == ["k" * 32]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"secret_key": ""}, ["SECRET_KEY"]),
        ({"admin_token": ""}, ["ADMIN_TOKEN"]),
        ({"secret_key": "k" * 32 + ",changeme"}, ["SECRET_KEY"]),
        ({"admin_token": "please-change-this-admin-token"}, ["ADMIN_TOKEN"]),
        ({"secret_key": "short"}, ["SECRET_KEY"]),
        ({"public_url": "http://ponte.example.com.br"}, ["PUBLIC_URL"]),
        ({"clock_scale": 10.0}, ["CLOCK_SCALE"]),
        ({"secret_key": "", "admin_token": "", "public_url": "http://x"}, ["SECRET_KEY", "ADMIN_TOKEN", "PUBLIC_URL"]),
    ],
)
def test_production_says_all_it_refuses_and_shows_no_secret(change: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(environment="production", **{**STRONG, **change})
    text = str(refused.value)
    assert re.findall(r"^  ([A-Z_]+):", text, re.MULTILINE) == names
    assert "kkkk" not in text
    assert "tttt" not in text
    assert not Path("data/secret_key").exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgres://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
        ("postgresql://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
        ("postgresql+asyncpg://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
        ("sqlite+aiosqlite:///x/y.db", "sqlite+aiosqlite:///x/y.db"),
    ],
)
def test_the_database_address_gets_the_driver_we_use(given: str, kept: str) -> None:
    assert load_settings(database_url=given).database_url == kept


def test_the_environment_is_read_by_the_names_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMIE_URL", "http://localhost:9000/omie/api/v1")
    monkeypatch.setenv("SECRET_KEY", "new-key, old-key")
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.1, 10.0.0.2")
    monkeypatch.setenv("DATABASE_URL", "sqlite+aiosqlite:///deep/folder/p.db")
    settings = load_settings()
    assert settings.omie_url == "http://localhost:9000/omie/api/v1/"
    assert settings.secret_keys == ["new-key", "old-key"]
    assert settings.trusted_proxies == ["10.0.0.1", "10.0.0.2"]
    assert Path("deep/folder").is_dir()


def test_secrets_are_masked_in_repr() -> None:
    settings = load_settings(
        **{**STRONG, "secret_key": "canary-secret-key-0123456789", "database_url": "postgresql://u:canary@h/d"},
        redis_url="redis://:canary@h", smtp_url="smtp://u:canary@h",
    )  # fmt: skip
    assert "canary" not in repr(settings)
