"""The settings of `realtime`, typed, with units in the names; read from `settings.REALTIME`."""

from dataclasses import dataclass

from django.conf import settings as django_settings


@dataclass(frozen=True, kw_only=True)
class RealtimeSettings:
    """How events travel and how sockets behave. PROTOCOL names the wire's own numbers."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    redis_timeout_seconds: float = 1
    """Longest that one call to Redis may take; a request never waits longer for it."""
    event_log_length: int = 200
    event_log_seconds: int = 24 * 3600
    """How long a log outlives its last event."""
    closed_log_seconds: int = 600
    """How long a log outlives the close: by then the row has all of it."""
    position_check_seconds: float = 10
    """How often feeds are compared with the log and the rows."""
    probe_seconds: float = 5
    """How often a process proves that what is published arrives here."""
    probe_limit_seconds: float = 2
    """A probe that takes longer means that nothing arrives."""
    feed_idle_seconds: float = 30
    """How long a feed that nobody reads is kept."""
    heartbeat_seconds: float = 20
    sign_in_seconds: float = 10
    """How long a socket may stay without a sign-in."""
    send_limit_seconds: float = 10
    """A reader whose one send takes longer is closed."""
    sign_in_check_seconds: float = 2
    """How often the users and sessions behind the sockets are looked at: whoever is deactivated or signed out is closed then."""
    status_seconds: float = 2
    """How often the workers behind the watched jobs are looked at."""
    list_seconds: float = 0.5
    """A job's summary goes out at most this often."""
    list_length: int = 50
    """The newest jobs that a list begins with."""
    ticket_seconds: float = 30
    messages_per_second: float = 10
    messages_burst: int = 60
    topics_per_socket: int = 128
    sockets_per_user: int = 50
    guests_per_address: int = 500
    """Sockets of one address at one server process that have shown no token yet."""
    api_rate: str = "600/min"
    """How many requests a user may make."""
    token_rate: str = "20/min"  # noqa: S105  no password: how often one may be tried
    """How many tries to sign in an address has."""
    tracing: bool = False
    """Whether OpenTelemetry is told of what becomes of a job."""
    allowed_origins: tuple[str, ...] = ()
    previous_jwt_secret: str = ""
    """Tokens that were signed with it are good until they end by themselves."""
    jwt_issuer: str = ""
    """Whose tokens are taken beside our own: their `iss`."""
    jwt_audience: str = ""
    """The `aud` that they have to have; without it, they must have none."""
    jwt_user_claim: str = "sub"
    """Which claim is the user's name here."""
    jwt_jwks_url: str = ""
    """Where the issuer's public keys are; without it, it signs with the shared `JWT_SECRET`."""
    jwt_create_users: bool = False
    """Whether a user whom nobody knows here yet is made."""
    frame_limit_bytes: int = 64 * 1024
    """Largest frame from a client."""
    batch_limit_bytes: int = 256 * 1024
    """Largest frame of events to a client."""


settings = RealtimeSettings(**getattr(django_settings, "REALTIME", {}))
