"""Several Valkeys that belong together: a master with its replicas and Sentinels, or a Cluster. All with a password."""

import os
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.child_processes import end_with
from omnibrowser.valkey import free_port, server_binary
from tests.waiting import wait_until

PASSWORD = "a p@ssword/of:tests"
IN_URL = "a%20p%40ssword%2Fof%3Atests"
MASTER = "main"


class Server:
    """One server that can be killed and started again on its port."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._folder = folder / str(self.port)
        self._folder.mkdir(parents=True)
        self._options = options
        self.client: Any = redis.Redis(
            port=self.port, password=PASSWORD, socket_timeout=2, retry=Retry(NoBackoff(), 0), decode_responses=True
        )
        self.start()

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(server_binary()), *self._arguments()],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                preexec_fn=partial(end_with, os.getpid()),
            )
        wait_until(self.answers, what="a server that answers")

    def _arguments(self) -> list[str]:
        own = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", "", "--requirepass", PASSWORD]
        return [*own, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0", *self._options]

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.client.close()

    def follow(self, master: "Server") -> None:
        """Become a replica, and wait until it has all."""
        self.follow_at(master.port)

    def follow_at(self, port: int) -> None:
        """Become a replica of the master at this port, which may be a proxy's, and wait until it has all."""
        self.client.replicaof("127.0.0.1", port)
        wait_until(lambda: self.client.info("replication")["master_link_status"] == "up", what="a replica that has all")


class SentinelServer(Server):
    """One Sentinel that watches a master."""

    def __init__(self, folder: Path, master: Server, replicas: Sequence[Server], *, quorum: int) -> None:
        self._lines = [
            f"sentinel monitor {MASTER} 127.0.0.1 {master.port} {quorum}", f'sentinel auth-pass {MASTER} "{PASSWORD}"',
            f"sentinel down-after-milliseconds {MASTER} 700", f"sentinel failover-timeout {MASTER} 3000",
            *(f"sentinel known-replica {MASTER} 127.0.0.1 {replica.port}" for replica in replicas),
        ]  # fmt: skip
        super().__init__(folder)

    def _arguments(self) -> list[str]:
        config = self._folder / "sentinel.conf"
        if not config.exists():
            lines = [f"port {self.port}", "bind 127.0.0.1", f'dir "{self._folder}"', f'requirepass "{PASSWORD}"', *self._lines]
            lines += [f'sentinel sentinel-pass "{PASSWORD}"']
            config.write_text("\n".join(lines) + "\n")
        return [str(config), "--sentinel"]

    @property
    def master_port(self) -> int:
        return int(self.client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])


class Fleet:
    """A master, two replicas and three Sentinels."""

    def __init__(self, folder: Path) -> None:
        self.servers = [Server(folder) for _ in range(3)]
        for replica in self.servers[1:]:
            replica.follow(self.servers[0])
        self.sentinels = [SentinelServer(folder, self.servers[0], self.servers[1:], quorum=2) for _ in range(3)]
        wait_until(lambda: all(self._knows_all(sentinel) for sentinel in self.sentinels), what="Sentinels that know each other")
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        self.url = f"redis+sentinel://:{IN_URL}@{hosts}/{MASTER}?sentinel_password={IN_URL}"

    @staticmethod
    def _knows_all(sentinel: SentinelServer) -> bool:
        known: dict[str, Any] = sentinel.client.sentinel_masters()[MASTER]
        return int(known["num-other-sentinels"]) == 2 and int(known["num-slaves"]) == 2

    @property
    def master(self) -> Server:
        port = self.sentinels[0].master_port
        return next(server for server in self.servers if server.port == port)

    def stop(self) -> None:
        for server in [*self.sentinels, *self.servers]:
            server.kill()


class Cluster:
    """Three masters that share the slots; what has no node is refused, the rest goes on."""

    def __init__(self, folder: Path) -> None:
        options = "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"
        self.servers = [Server(folder, *options, port=_port_with_bus()) for _ in range(3)]
        for index, server in enumerate(self.servers):
            server.client.execute_command("CLUSTER", "ADDSLOTSRANGE", index * 5462, min(16383, index * 5462 + 5461))
            server.client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.servers[0].port)
        wait_until(lambda: all(self._is_whole(server) for server in self.servers), what="a Cluster that is whole")
        self.url = f"redis+cluster://:{IN_URL}@" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    @staticmethod
    def _is_whole(server: Server) -> bool:
        told = dict(line.split(":", 1) for line in str(server.client.execute_command("CLUSTER", "INFO")).split())
        return told.get("cluster_state") == "ok" and told.get("cluster_slots_ok") == "16384" and told.get("cluster_known_nodes") == "3"

    def stop(self) -> None:
        for server in self.servers:
            server.kill()


def _port_with_bus() -> int:
    """Return a free port whose bus port, 10,000 above it, exists too."""
    while (port := free_port()) > 55_000:
        pass
    return port
