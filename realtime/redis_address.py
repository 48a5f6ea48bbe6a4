"""Where Redis is, as `REDIS_URL` says it: one server, a master that Sentinels know, or a Cluster.

redis://[[user]:password@]host[:6379][/db]        rediss:// with TLS, unix:// for a socket
redis+sentinel://[[user]:password@]host[:26379],host…/master[/db][?sentinel_password=…]
redis+cluster://[[user]:password@]host[:6379],host…
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

SINGLE = ("redis", "rediss", "unix")
SENTINEL = ("redis+sentinel", "rediss+sentinel")
CLUSTER = ("redis+cluster", "rediss+cluster")

Node = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class RedisAddress:
    """One of the three: with `master`, Sentinels at `nodes`; else with `nodes`, a Cluster; else the server at `url`."""

    url: str = ""
    nodes: tuple[Node, ...] = ()
    master: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """What a connection to Redis itself needs: username, password, db, ssl; only what is given."""
    sentinel_options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """Read an address; raises ValueError that says what is wrong."""
        scheme, _, rest = url.partition("://")
        if scheme in SINGLE:
            return cls(url=url)
        if scheme not in (*SENTINEL, *CLUSTER):
            raise ValueError(f"It begins with none of {', '.join(f'{known}://' for known in (*SINGLE, *SENTINEL, *CLUSTER))}.")
        parts = urlsplit(f"//{rest}")  # of several hosts urlsplit itself makes nothing
        credentials, _, hosts = parts.netloc.rpartition("@")
        user, _, password = credentials.partition(":")
        options: dict[str, Any] = {"username": unquote(user), "password": unquote(password), "ssl": scheme.startswith("rediss")}
        options = {name: value for name, value in options.items() if value}
        if scheme in CLUSTER:
            if parts.path.strip("/") not in ("", "0"):
                raise ValueError("A Cluster has no databases: there is nothing to be named after the hosts.")
            return cls(nodes=_nodes(hosts, 6379), options=options)
        master, _, database = parts.path.strip("/").partition("/")
        if not master or not (database or "0").isdecimal():
            raise ValueError(
                "After the hosts of the Sentinels it names the master that they watch, and a database if need be: /mymaster/0."
            )
        own = {name.removeprefix("sentinel_"): values[0] for name, values in parse_qs(parts.query).items()}
        if set(own) - {"username", "password"}:
            raise ValueError("Of the Sentinels themselves it can name sentinel_username and sentinel_password.")
        options = {**options, "db": int(database)} if database else options
        return cls(nodes=_nodes(hosts, 26379), master=unquote(master), options=options, sentinel_options=own)

    def for_layer(self) -> dict[str, Any]:
        """Return the channel layer's `CONFIG`. It only subscribes and receives, and its connection may stay silent for hours.

        What is published at one node of a Cluster is heard at all: the layer listens at one, and at another when that is gone.
        """
        if self.master is not None:
            sentinels = {"sentinels": list(self.nodes), "master_name": self.master, "sentinel_kwargs": self.sentinel_options}
            return {"hosts": [{**sentinels, **self.options, "socket_timeout": None}]}
        first, *others = [self._node_url(node) for node in self.nodes] or [self.url]
        return {"hosts": [{"address": first, "socket_timeout": None}], **({"other_addresses": others} if others else {})}

    def _node_url(self, node: Node) -> str:
        host, port = node
        user, password = (quote(self.options.get(name, ""), safe="") for name in ("username", "password"))
        credentials = f"{user}:{password}@" if password else ""
        return f"redis{'s' if self.options.get('ssl') else ''}://{credentials}{f'[{host}]' if ':' in host else host}:{port}/0"


def _nodes(hosts: str, port: int) -> tuple[Node, ...]:
    nodes = []
    for host in hosts.split(","):
        try:
            parts = urlsplit(f"//{host}")
            nodes.append((parts.hostname or "", parts.port or port))
        except ValueError:
            nodes.append(("", 0))
        if not nodes[-1][0]:
            raise ValueError(f"{host!r} is no host, and no host:port.")
    return tuple(nodes)
