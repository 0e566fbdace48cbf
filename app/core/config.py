"""Settings: one class, read from the environment and `.env`; sample secrets are refused outside `local`."""

import os
import secrets
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SAMPLE_SECRETS = frozenset({"changeme", "change-me", "change_me", "secret", "sample", "example", "admin", "token"})
SHORTEST_SECRET = 24
"""Characters; `secrets.token_urlsafe(18)` gives as many."""


class ConfigError(Exception):
    """The service must not start with these settings; the message says what to set."""


class Settings(BaseSettings):
    """Everything the operator may set. Names in the environment are the field names in capitals."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    environment: Literal["local", "production"] = Field("local", description="`production` refuses weak secrets")
    data_dir: Path = Field(Path("data"), description="folder of the SQLite file and of secrets generated in `local`")
    database_url: str = Field(
        "", repr=False, description="empty: SQLite in DATA_DIR; else postgresql+asyncpg://user:password@host:5432/name"
    )
    redis_url: str = Field("", repr=False, description="empty: embedded queue, one process; else redis:// or rediss://")
    secret_key: SecretStr = Field(SecretStr(""), description="encrypts credentials; comma-separated, newest first")
    admin_token: SecretStr = Field(SecretStr(""), description="bootstrap bearer token with scope `admin`")
    public_url: str = Field("http://localhost:8000", description="prefix of the webhook addresses")
    omie_url: str = Field("https://app.omie.com.br/api/v1/", description="base address of Omie's API")
    ploomes_url: str = Field("https://public-api2.ploomes.com/", description="base address of Ploomes' API")
    smtp_url: SecretStr = Field(SecretStr(""), description="smtp://user:password@host:587 for alerts; empty: no e-mail")
    host: str = Field("127.0.0.1", description="address the web process listens on")
    port: int = Field(8000, ge=0, le=65535, description="port the web process listens on")
    log_format: Literal["console", "json"] = Field("console", description="how log lines look")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="the least severe line logged")

    database_pool_size: int = Field(10, ge=1, description="PostgreSQL connections kept; as many again when busy")
    body_limit_bytes: int = Field(1_000_000, ge=1_000, description="largest webhook body taken")
    body_seconds: float = Field(10.0, gt=0, description="longest time a webhook body may take to arrive")
    lease_seconds: float = Field(
        45.0, gt=30, description="how long a claimed event belongs to its worker unless renewed"
    )
    live_slots: int = Field(24, ge=1, description="live events worked on at a time, per process")
    bulk_slots: int = Field(6, ge=1, description="bulk events worked on at a time, per process")
    sweep_seconds: float = Field(5.0, gt=0, description="how often what is due and not yet taken is rung for again")
    incremental_sweep_seconds: float = Field(
        600.0, gt=0, description="how often both vendors are asked what changed, for what webhooks missed"
    )
    ready_lag_seconds: float = Field(60.0, gt=0, description="a live event overdue for longer makes /health/ready red")
    retention_days: int = Field(90, ge=1, description="settled events and changes older than this are removed")
    clock_scale: float = Field(1.0, gt=0, description="makes time run faster, for proofs; `local` only")
    clock_origin: float | None = Field(None, description="epoch second the processes of a fast proof start from")
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        ["127.0.0.1"], description="comma-separated addresses whose X-Forwarded-* headers are believed"
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _async_driver(cls, value: str) -> str:
        for prefix in ("postgres://", "postgresql://"):
            if value.startswith(prefix):
                return "postgresql+asyncpg://" + value.removeprefix(prefix)
        if value and not value.startswith(("postgresql+asyncpg://", "sqlite+aiosqlite://")):
            raise ValueError("use postgresql+asyncpg://... ou sqlite+aiosqlite:///...")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_scheme(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("use redis://, rediss:// ou unix://")
        return value

    @field_validator("omie_url", "ploomes_url")
    @classmethod
    def _end_with_slash(cls, value: str) -> str:
        return value.rstrip("/") + "/"

    @field_validator("public_url")
    @classmethod
    def _end_without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @model_validator(mode="after")
    def _default_database(self) -> Self:
        if not self.database_url:
            self.database_url = f"sqlite+aiosqlite:///{self.data_dir / 'ponte.db'}"
        return self

    @property
    def secret_keys(self) -> list[str]:
        """The keys that encrypt credentials, newest first."""
        return [key for part in self.secret_key.get_secret_value().split(",") if (key := part.strip())]


def load_settings(**overrides: object) -> Settings:
    """Settings fit to start with: folders made, local secrets generated, production checked.

    Raises ConfigError naming every variable that must change.
    """
    settings = Settings(**overrides)  # type: ignore[arg-type]  # keywords replace the environment, in tests and the demo
    if settings.environment == "production":
        _refuse_weak(settings)
    else:
        _fill_local_secrets(settings)
    if settings.database_url.startswith("sqlite"):
        path = settings.database_url.partition(":///")[2].partition("?")[0]
        if path and path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
    return settings


def generated_secrets(settings: Settings) -> list[Path]:
    """Files in DATA_DIR whose secret is in use because the environment gave none (for the doors to mention)."""
    pairs = (
        (settings.data_dir / "secret_key", settings.secret_key),
        (settings.data_dir / "admin_token", settings.admin_token),
    )
    return [path for path, used in pairs if path.exists() and path.read_text().strip() == used.get_secret_value()]


def _refuse_weak(settings: Settings) -> None:
    problems = [f"SECRET_KEY: {flaw}" for key in settings.secret_keys or [""] if (flaw := _weakness(key))]
    if flaw := _weakness(settings.admin_token.get_secret_value()):
        problems.append(f"ADMIN_TOKEN: {flaw}")
    if not settings.public_url.startswith("https://"):
        problems.append("PUBLIC_URL: precisa ser o endereço https:// em que o Omie e o Ploomes alcançam o serviço")
    if settings.clock_scale != 1.0:
        problems.append("CLOCK_SCALE: fora de `local`, só 1")
    if problems:
        raise ConfigError("com ENVIRONMENT=production o serviço não começa assim:\n  " + "\n  ".join(problems))


def _weakness(secret: str) -> str | None:
    if not secret:
        return 'falta; gere um com: python -c "import secrets; print(secrets.token_urlsafe(32))"'
    if secret.lower() in SAMPLE_SECRETS or any(word in secret.lower() for word in ("change", "sample", "example")):
        return "é um valor de exemplo"
    if len(secret) < SHORTEST_SECRET:
        return f"tem menos de {SHORTEST_SECRET} caracteres"
    return None


def _fill_local_secrets(settings: Settings) -> None:
    if not settings.secret_keys:
        settings.secret_key = SecretStr(_persistent_secret(settings.data_dir / "secret_key"))
    if not settings.admin_token.get_secret_value():
        settings.admin_token = SecretStr(_persistent_secret(settings.data_dir / "admin_token"))


def _persistent_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        secret = secrets.token_urlsafe(32)
        file.write(secret)
    return secret
