"""Environment in, values out. Refuses to start on unsafe production values.

Every variable is optional in development (`DEBUG=1`) and under `manage.py up`, which keeps its own secrets and its
embedded Valkey's address in `STATE_DIR/embedded.json`; commands started beside it find them there.
"""

import json
import re
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from jobs.api.openapi_settings import OPENAPI
from omnibrowser import __version__
from omnibrowser.logs import logging_config
from realtime.rates import Rate
from realtime.redis_address import RedisAddress

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

STATE_DIR = Path(env.str("STATE_DIR", default="") or BASE_DIR / ".state").absolute()


def _embedded() -> dict[str, str]:
    """Return what `manage.py up` left for the commands beside it: `redis_url`, `secret_key`, `jwt_secret`."""
    try:
        values = json.loads((STATE_DIR / "embedded.json").read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


_EMBEDDED = _embedded()
DEBUG = env.bool("DEBUG", default=False)


SHORTEST_SECRET = 32
UNSAFE_PREFIXES = ("django-insecure", "development-only", "changeme")


def _secret(name: str) -> str:
    """Return the secret `name` from the environment, from `manage.py up`, or a development value when DEBUG is on."""
    value = env.str(name, default="") or _EMBEDDED.get(name.lower(), "")
    if value and (DEBUG or (len(value) >= SHORTEST_SECRET and not value.startswith(UNSAFE_PREFIXES))):
        return value
    if value:
        raise ImproperlyConfigured(
            f"{name} is not safe: it has fewer than {SHORTEST_SECRET} characters, or is one that everybody knows. "
            "Set it to the output of `openssl rand -hex 32`."
        )
    if DEBUG:
        return f"development-only-{name.lower()}-never-use-it-where-others-can-reach-it"
    raise ImproperlyConfigured(
        f"{name} is not set. Set it to a random value of at least 32 characters, for example the output of "
        "`openssl rand -hex 32`; or set DEBUG=1 for development; or run `manage.py up`, which makes its own."
    )


SECRET_KEY = _secret("SECRET_KEY")
JWT_SECRET = _secret("JWT_SECRET")
if not DEBUG and SECRET_KEY == JWT_SECRET:
    raise ImproperlyConfigured("SECRET_KEY and JWT_SECRET are the same. Make two: whoever learns one would have both.")

JWT_SECRET_PREVIOUS = env.str("JWT_SECRET_PREVIOUS", default="")
if JWT_SECRET_PREVIOUS and not DEBUG and (JWT_SECRET_PREVIOUS in (JWT_SECRET, SECRET_KEY) or len(JWT_SECRET_PREVIOUS) < SHORTEST_SECRET):
    raise ImproperlyConfigured("JWT_SECRET_PREVIOUS is the JWT_SECRET before the present one, and no other or shorter secret.")

OWN_ISSUER = "omnibrowser-jobs"
JWT_ISSUER = env.str("JWT_ISSUER", default="")
if JWT_ISSUER == OWN_ISSUER:
    raise ImproperlyConfigured(f"JWT_ISSUER is whose tokens are taken beside those of this service, which is {OWN_ISSUER} itself.")
JWT_JWKS_URL = env.str("JWT_JWKS_URL", default="")
if JWT_JWKS_URL and not JWT_ISSUER:
    raise ImproperlyConfigured("JWT_JWKS_URL has the keys of an issuer, and JWT_ISSUER does not say of which.")
if JWT_JWKS_URL and not DEBUG and not re.match(r"https://|http://(localhost|127\.0\.0\.1|\[::1\])[:/]", JWT_JWKS_URL):
    raise ImproperlyConfigured("JWT_JWKS_URL must begin with https://: whoever can change the keys on their way can sign in as anybody.")

SOCKET_HOST = env.str("SOCKET_HOST", default="127.0.0.1")
SOCKET_PORT = env.int("SOCKET_PORT", default=3000)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
if not DEBUG and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is *: whoever sends a Host header could choose it. List the names of this site.")
ALLOWED_ORIGINS: list[str] = env.list("ALLOWED_ORIGINS", default=[])
CSRF_TRUSTED_ORIGINS = [origin for origin in ALLOWED_ORIGINS if origin.startswith(("http://", "https://"))]
REDIS_URL = env.str("REDIS_URL", default="") or _EMBEDDED.get("redis_url", "redis://127.0.0.1:6379/0")

INSTALLED_APPS = [
    "omnibrowser",  # first, so that its `runserver` is the one that is found
    "servestatic.runserver_nostatic",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework_simplejwt.token_blacklist",
    "jobs",
    "realtime",
]

MIDDLEWARE = [
    "omnibrowser.request_log.request_log",
    "omnibrowser.security_headers.security_headers",
    "omnibrowser.errors.problems_for_programs",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "omnibrowser.urls"
ASGI_APPLICATION = "omnibrowser.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "jobs.pages.page",
            ],
        },
    },
]


def _database() -> dict[str, Any]:
    """Return the database from `DATABASE_URL`; SQLite in `STATE_DIR` when it is unset."""
    config: dict[str, Any] = env.db_url("DATABASE_URL", default=f"sqlite:///{STATE_DIR / 'jobs.sqlite3'}")
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["CONN_MAX_AGE"] = None  # a file needs no fresh connection per request
        # Writers queue up at BEGIN instead of failing half way; readers never wait for them.
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;",
        }
    elif config["ENGINE"] == "django.db.backends.postgresql":
        config["CONN_MAX_AGE"] = 0
        config["OPTIONS"] = {
            # The pool gives up early on a connection that it cannot make: it would try again after 1, 2, 4 ... 256 s, and
            # whoever asks meanwhile would wait for that. What nobody uses is closed before it can have died unseen.
            "pool": {"min_size": 0, "max_size": 16, "timeout": 3, "reconnect_timeout": 2, "max_idle": 60},
            "connect_timeout": 3,
            # A server that is gone without a word is noticed within 10 s, not when the kernel gives up.
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "options": "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s",
            **config.get("OPTIONS", {}),
        }
    else:
        raise ImproperlyConfigured("DATABASE_URL must begin with sqlite:// or postgres://.")
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "jobs"
LOGOUT_REDIRECT_URL = "sign-in"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"

STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
SERVESTATIC_USE_FINDERS = True  # straight from the apps: nothing to collect, nothing to forget

SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_REDIRECT_EXEMPT = [r"^health", r"^metrics$"]  # probes come without TLS
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT
X_FRAME_OPTIONS = "DENY"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_SSL_REDIRECT else None

try:
    _REDIS = RedisAddress.parse(REDIS_URL)
except ValueError as wrong:
    raise ImproperlyConfigured(f"REDIS_URL cannot be used. {wrong}") from None

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "realtime.raw_layer.RawPubSubChannelLayer",
        "CONFIG": _REDIS.for_layer(),
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "jobs.api.authentication.AccessTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["jobs.api.parsers.StrictJSONParser"],
    "EXCEPTION_HANDLER": "jobs.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = OPENAPI

# Pages of other origins sign in with tokens, so no cookie is theirs to send.
CORS_ALLOWED_ORIGINS = ALLOWED_ORIGINS
CORS_URLS_REGEX = r"^/(api/|health)"
CORS_ALLOW_METHODS = ("DELETE", "GET", "OPTIONS", "PATCH", "POST")
CORS_ALLOW_HEADERS = ("accept", "authorization", "content-type", "last-event-id", "x-request-id")
CORS_EXPOSE_HEADERS = ("Location", "Retry-After", "X-Request-ID")

SIMPLE_JWT = {
    "SIGNING_KEY": JWT_SECRET,
    "ALGORITHM": "HS256",
    "ISSUER": OWN_ISSUER,
    "AUDIENCE": OWN_ISSUER,
    "LEEWAY": 2,  # between the clocks of servers that sign and servers that read
    "CHECK_REVOKE_TOKEN": True,  # tokens name the password that they came of, and end with it
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=env.float("ACCESS_TOKEN_SECONDS", default=900)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "UPDATE_LAST_LOGIN": False,
}

LEASE_SECONDS = env.float("LEASE_SECONDS", default=10)
EVENT_LOG_LENGTH = env.int("EVENT_LOG_LENGTH", default=200)

JOBS: dict[str, Any] = {
    "version": __version__,
    "lease_seconds": LEASE_SECONDS,
    "flush_seconds": env.float("FLUSH_SECONDS", default=min(1, LEASE_SECONDS / 5)),
    "unflushed_limit": min(180, max(1, EVENT_LOG_LENGTH * 9 // 10)),  # the log has what the row lacks
    "rescue_seconds": env.float("RESCUE_SECONDS", default=2),
    "poll_seconds": env.float("POLL_SECONDS", default=1),
    "shutdown_grace_seconds": env.float("SHUTDOWN_GRACE_SECONDS", default=20),
    "retention_days": env.float("RETENTION_DAYS", default=30),
    "deleted_users_jobs": env.str("DELETED_USERS_JOBS", default="delete"),
    "waiting_jobs_per_user": env.int("WAITING_JOBS_PER_USER", default=20_000),
    "running_jobs_per_user": env.int("RUNNING_JOBS_PER_USER", default=0),
    "text_limit_bytes": env.int("TEXT_LIMIT_BYTES", default=256 * 1024),
    "handler_modules": tuple(env.list("JOB_HANDLERS", default=[])),
    "metrics_token": env.str("METRICS_TOKEN", default=""),
    "worker_metrics_port": env.int("WORKER_METRICS_PORT", default=0),
    "worker_metrics_host": SOCKET_HOST,
    "state_dir": STATE_DIR,
    "search_corpus": Path(_CORPUS).absolute() if (_CORPUS := env.str("SEARCH_CORPUS", default="")) else None,
    "is_production": not DEBUG and _EMBEDDED.get("secret_key") != SECRET_KEY,  # `make run` makes its own
    "server_url": env.str("SERVER_URL", default="") or f"http://{SOCKET_HOST}:{SOCKET_PORT}",
}
if JOBS["deleted_users_jobs"] not in ("delete", "anonymise"):
    raise ImproperlyConfigured("DELETED_USERS_JOBS is `delete` or `anonymise`.")


def _rate(name: str, *, default: str) -> str:
    """Return a rate from the environment."""
    text: str = env.str(name, default=default)
    try:
        Rate.parse(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None
    return text


TRACING = env.bool("TRACING", default=False)
if TRACING and not (find_spec("opentelemetry") and find_spec("opentelemetry.sdk") and find_spec("opentelemetry.exporter")):
    raise ImproperlyConfigured("TRACING needs OpenTelemetry. Install the extra: uv sync --extra otel; or unset TRACING.")

REALTIME: dict[str, Any] = {
    "redis_url": REDIS_URL,
    "event_log_length": EVENT_LOG_LENGTH,
    "position_check_seconds": env.float("POSITION_CHECK_SECONDS", default=10),
    "messages_per_second": env.float("MESSAGES_PER_SECOND", default=10),
    "sockets_per_user": env.int("SOCKETS_PER_USER", default=50),
    "guests_per_address": env.int("GUESTS_PER_ADDRESS", default=500),
    "api_rate": _rate("API_RATE", default="600/min"),
    "token_rate": _rate("TOKEN_RATE", default="20/min"),
    "tracing": TRACING,
    "allowed_origins": tuple(ALLOWED_ORIGINS),
    "previous_jwt_secret": JWT_SECRET_PREVIOUS,
    "jwt_issuer": JWT_ISSUER,
    "jwt_audience": env.str("JWT_AUDIENCE", default=""),
    "jwt_user_claim": env.str("JWT_USER_CLAIM", default="sub"),
    "jwt_jwks_url": JWT_JWKS_URL,
    "jwt_create_users": env.bool("JWT_CREATE_USERS", default=False),
}

# Readable where a person looks, JSON where a program collects it.
_AT_A_TERMINAL = sys.stderr.isatty()
LOGGING = logging_config(
    env.str("LOG_FORMAT", default="console" if DEBUG or _AT_A_TERMINAL else "json"),
    level=env.str("LOG_LEVEL", default="INFO").upper(),
    colours=_AT_A_TERMINAL,
)
