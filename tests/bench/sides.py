"""What is measured side by side: our server, and those of others that do the same with Redis."""

import json
import os
import subprocess
import sys
import time
import urllib.parse
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any

import hiredis
import msgpack
import psutil

from omnibrowser.valkey import free_port
from tests.bench import peers
from tests.bench.generator import Publisher, Socket
from tests.processes import ROOT, Site
from tests.waiting import answers_on, wait_until

PAYLOAD = "x" * 80


def event(job_id: str, seq: int) -> dict[str, Any]:
    """Return an event of about 200 bytes."""
    data = {"offset": (seq - 2) * len(PAYLOAD), "text": PAYLOAD}
    return {"type": "text", "jobId": job_id, "attempt": 1, "seq": seq, "ts": time.time_ns() // 1_000_000, "data": data}


def encoded(value: Any) -> str:
    """Return JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))


def packed(*words: Any) -> bytes:
    """Return a command as Redis reads it."""
    return bytes(hiredis.pack_command(words))


def redis_publisher(site: Site) -> Publisher:
    """Return the way to a site's Redis."""
    url = urllib.parse.urlsplit(site.redis_url)
    greeting = packed("AUTH", url.username or "default", url.password) if url.password else b""
    return Publisher(str(url.hostname), int(url.port or 6379), greeting)


class Side(ABC):
    """A server under measurement, and how one watches and publishes there."""

    name: str
    port: int
    publisher: Publisher

    def __init__(self, site: Site) -> None:
        self._seqs: Counter[str] = Counter()

    @property
    @abstractmethod
    def pids(self) -> Sequence[int]:
        """Its processes."""

    def prepare(self, topics: Sequence[str]) -> None:  # noqa: B027  most need nothing
        """Make the topics, which nobody has used yet."""

    @abstractmethod
    def socket(self, topic: str) -> Socket:
        """Return how a socket comes to watch a topic."""

    @abstractmethod
    def command(self, topic: str, seq: int) -> bytes:
        """Return what publishes an event to a topic."""

    def commands(self, topics: Sequence[str], count: int) -> list[bytes]:
        """Return what publishes the next events, `count` in all, to the topics in turn."""
        commands = []
        for index in range(count):
            topic = topics[index % len(topics)]
            commands.append(self.command(topic, self._seqs[topic] + 2))
            self._seqs[topic] += 1
        return commands

    def stop(self) -> None:  # noqa: B027  ours ends with its site
        """End it."""


class Ours(Side):
    """`manage.py serve`: the whole product path: sign-in, log append with its trim, Channels group, feed, cursors."""

    name = "ours"
    arguments: Sequence[str] = ()

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        os.environ.update({name: site.environment[name] for name in ("REDIS_URL", "DATABASE_URL", "LEASE_SECONDS", "JOB_HANDLERS")})
        import django

        django.setup()
        from django.contrib.auth import get_user_model

        from realtime import event_log
        from realtime.redis_client import client

        client().script_load(event_log.SCRIPT)
        self.site = site
        self.port, self.publisher = site.port if not self.arguments else free_port(), redis_publisher(site)
        self.server = site.serve(*self.arguments, port=self.port)
        self._headers = {"Authorization": f"Bearer {site.user('ann')}"}
        self.owner = get_user_model().objects.get(username="ann")

    @property
    def pids(self) -> Sequence[int]:
        """The server, or the processes that it started."""
        parent = psutil.Process(self.server.popen.pid)
        return [child.pid for child in parent.children()] or [parent.pid]

    def prepare(self, topics: Sequence[str]) -> None:
        """Create jobs: one as the API does it, the others as its copies; and have all of them run."""
        from jobs.models import Job, Worker, from_ts
        from jobs.transitions import NewJob, claim, create
        from jobs.transitions.announce import now_ts

        first, _ = create(self.owner, NewJob(type="bench.clock", job_id=topics[0]))
        values = {field.attname: getattr(first, field.attname) for field in Job._meta.concrete_fields}
        others = [
            Job(**{**values, "id": topic, "queued_event": first.queued_event.replace(f'"{first.pk}"', f'"{topic}"')})
            for topic in topics[1:]
        ]
        Job.objects.bulk_create(others, batch_size=500)
        now = from_ts(now_ts())
        worker = Worker.objects.create(name=f"bench-{topics[0]}", started_at=now, heartbeat_at=now)
        while claim(worker, types=["bench.clock"], limit=500):
            pass

    def socket(self, topic: str) -> Socket:
        """Sign in by the header, subscribe, and wait for the snapshot."""
        subscribe = json.dumps({"type": "subscribe", "topic": f"job:{topic}"})
        return Socket("/ws/", self._headers, [('{"type":"welcome"', subscribe), ('{"type":"snapshot"', "")])

    def socket_after(self, topic: str, position: str) -> Socket:
        """Come back with a position."""
        subscribe = json.dumps({"type": "subscribe", "topic": f"job:{topic}", "after": position})
        return Socket("/ws/", self._headers, [('{"type":"welcome"', subscribe), ('{"type":"subscribed"', "")])

    def command(self, topic: str, seq: int) -> bytes:
        """Return the append as the product makes it."""
        from jobs.transitions.announce import encoded_entry
        from realtime.event_log import Append, command

        return packed(*command(Append(topic, [encoded_entry(event(topic, seq))])))


class NodeServer(Side):
    """One of the servers of `peers/server.js`."""

    kind: str

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.port, self.publisher = free_port(), redis_publisher(site)
        self._process = subprocess.Popen(
            [*peers.NODE, str(peers.FOLDER / "server.js"), self.kind, str(self.port), site.redis_url], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "listening\n"

    @property
    def pids(self) -> Sequence[int]:
        """The process."""
        return [self._process.pid]

    def command(self, topic: str, seq: int) -> bytes:
        """Publish on the room's channel."""
        return packed("PUBLISH", topic, encoded(event(topic, seq)))

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


class SocketIO(NodeServer):
    """Socket.IO with a Redis bridge."""

    name, kind = "Socket.IO", "bridge"
    path = "/socket.io/?EIO=4&transport=websocket"

    def socket(self, topic: str) -> Socket:
        """Open, connect to the namespace, watch."""
        watch = f"420{json.dumps(['watch', topic])}"
        return Socket(self.path, {}, [("0", "40"), ("40", watch), ("430", "")])


class SocketIOStreams(SocketIO):
    """Socket.IO with its Redis streams adapter and connection state recovery."""

    name, kind = "Socket.IO streams", "streams"

    def socket_after(self, session: str, offset: str) -> Socket:
        """Come back with a session and the offset of the last event."""
        recover = f"40{json.dumps({'pid': session, 'offset': offset})}"
        return Socket(self.path, {}, [("0", recover), ("40", "")])


class PlainWs(NodeServer):
    """The `ws` package with a Redis bridge."""

    name, kind = "ws", "ws"

    def socket(self, topic: str) -> Socket:
        """Watch."""
        return Socket("/", {}, [("", json.dumps({"room": topic})), ('{"type":"watching"', "")])


class StockChannels(Side):
    """Channels as its tutorial has it, with the stock pub/sub layer, on the same uvicorn."""

    name = "stock Channels"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.port, self.publisher = free_port(), redis_publisher(site)
        words = [sys.executable, "-m", "uvicorn", "tests.bench.stock_channels:application", "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*words, "--log-level", "warning", "--ws-per-message-deflate", "false"],
            cwd=ROOT, env={**os.environ, "REDIS_URL": site.redis_url},
        )  # fmt: skip
        wait_until(lambda: answers_on(self.port), seconds=60, what="stock Channels")

    @property
    def pids(self) -> Sequence[int]:
        """The process."""
        return [self._process.pid]

    def socket(self, topic: str) -> Socket:
        """Watch."""
        return Socket("/", {}, [("", json.dumps({"room": topic})), ('{"type"', "")])

    def command(self, topic: str, seq: int) -> bytes:
        """Publish what `group_send` publishes."""
        message = {"type": "job.event", "event": event(topic, seq)}
        return packed("PUBLISH", f"asgi__group__{topic}", msgpack.packb(message))

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


class Nchan(Side):
    """nchan, a module of nginx in C: published over HTTP, no Redis."""

    name = "nchan"

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.port = free_port()
        self.publisher = Publisher("127.0.0.1", self.port)
        self._process = peers.start_nchan(self.port)
        wait_until(lambda: answers_on(self.port), seconds=10, what="nginx with nchan")

    @property
    def pids(self) -> Sequence[int]:
        """The worker process: the other one only watches it."""
        return [child.pid for child in psutil.Process(self._process.pid).children()]

    def socket(self, topic: str) -> Socket:
        """Watch."""
        return Socket(f"/watch?id={topic}", {})

    def command(self, topic: str, seq: int) -> bytes:
        """Post the event."""
        body = encoded(event(topic, seq))
        return f"POST /publish?id={topic} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
