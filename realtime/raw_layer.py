"""The pub/sub channel layer with a receiving side of its own: one `asyncio.Protocol` with hiredis, all that is there in one go.

The stock layer reads one message per wake-up through redis-py, which costs ten times what the message itself costs, does not
say when a subscription is confirmed, and cannot be told that its connection is dead. `CHANNEL_LAYERS` chooses between the two.

Private names of channels_redis (`_shards`, `_lock`, `_subscribed_to`, `_ensure_redis`) and of redis-py (`_writer`, `_close`) are used in
this file alone; with other versions than those it was tried with, it is the stock layer.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, cast

import hiredis
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisSingleShardConnection
from channels_redis.utils import create_pool

log = logging.getLogger(__name__)

CONFIRM_SECONDS = 1.0
CONNECT_SECONDS = 2.0
RETRY_SECONDS = 0.2, 2.0
TRIED_WITH = {"channels-redis": "4.3.", "redis": "8."}

IS_SUPPORTED = all(version(package).startswith(number) for package, number in TRIED_WITH.items())


class RawPubSubChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # untyped library
    """The stock layer, but each shard receives through a RawShard."""

    def _get_layer(self) -> Any:
        layer = super()._get_layer()
        if IS_SUPPORTED and not isinstance(layer._shards[0], RawShard):
            others = self._kwargs.get("other_addresses", ())
            layer._shards = [RawShard(shard.host, layer, others) for shard in layer._shards]
        return layer

    @property
    def confirms(self) -> bool:
        """Whether `group_add` returns only when Redis has confirmed the subscription."""
        return IS_SUPPORTED

    def when_connected_again(self, notice: Callable[[], None]) -> None:
        """Have `notice` called each time after a lost connection was replaced: what was published meanwhile was not heard."""
        for shard in self._get_layer()._shards:
            if isinstance(shard, RawShard):
                shard.notices.append(notice)

    def hand_over(self, channel: str, take: Callable[[list[bytes]], None]) -> bool:
        """Have `take` called with all that arrives for `channel` in one read, as it is on the wire. Returns whether that is possible."""
        shards = self._get_layer()._shards
        for shard in shards:
            if isinstance(shard, RawShard):
                shard.takers[channel] = take
        return IS_SUPPORTED

    def reconnect(self) -> None:
        """Give up the connections, which seem dead, and make new ones."""
        for shard in self._get_layer()._shards:
            if isinstance(shard, RawShard):
                shard.reconnect()


class RawShard(RedisSingleShardConnection):  # type: ignore[misc]  # untyped library
    """The connection to one Redis: publishes as the stock one does, subscribes and receives by itself."""

    def __init__(self, host: Any, layer: Any, other_addresses: Sequence[str] = ()) -> None:
        """Listen at `host`, and when that is gone at one of the other addresses, where the same is heard."""
        super().__init__(host, layer)
        self._hosts = [host, *({**host, "address": address} for address in other_addresses)]
        self.notices: list[Callable[[], None]] = []
        self.takers: dict[str, Callable[[list[bytes]], None]] = {}
        self._receiver: Receiver | None = None
        self._reconnecting: asyncio.Task[None] | None = None

    async def publish(self, channel: str, message: bytes) -> None:
        """Publish without the lock: a publish that hangs holds up no subscription."""
        self._ensure_redis()
        await self._redis.publish(channel, message)

    async def subscribe(self, channel: str) -> None:
        """Subscribe and wait for the confirmation. Raises OSError or TimeoutError."""
        if channel in self._subscribed_to and self._receiver:
            return
        try:
            receiver = await self._connected()
            async with asyncio.timeout(CONFIRM_SECONDS):
                await receiver.subscribe([channel])
        except BaseException:
            self.channel_layer.channels.pop(channel, None)  # nobody knows the name of a channel that was not made
            raise
        self._subscribed_to.add(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Hear of the channel no more."""
        self._subscribed_to.discard(channel)
        if self._receiver:
            self._receiver.unsubscribe(channel)

    async def flush(self) -> None:
        """Forget all and close the connections."""
        if self._reconnecting:
            self._reconnecting.cancel()
            self._reconnecting = None
        if self._receiver:
            self._receiver.close()
            self._receiver = None
        await super().flush()

    def reconnect(self) -> None:
        """Give up the connection and make a new one."""
        if self._receiver:
            self._receiver.close()
            self._receiver = None
        self._reconnect_soon()

    async def _connected(self) -> "Receiver":
        async with self._lock:
            if self._receiver is None:
                receiver = await self._connect()
                try:
                    if others := list(self._subscribed_to):
                        async with asyncio.timeout(CONFIRM_SECONDS):
                            await receiver.subscribe(others)
                except BaseException:
                    receiver.close()
                    raise
                self._receiver = receiver
            return self._receiver

    async def _connect(self) -> "Receiver":
        """Have redis-py connect, which knows of passwords, TLS and sentinels, and read the connection ourselves from then on."""
        pool = create_pool(self._hosts[0])
        connection = pool.make_connection()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.connect()
        except BaseException as error:
            await connection.disconnect(nowait=True)
            self._hosts = [*self._hosts[1:], self._hosts[0]]
            if isinstance(error, asyncio.CancelledError | TimeoutError | OSError):
                raise
            raise OSError(str(error)) from error
        finally:
            for sentinel in getattr(getattr(pool, "sentinel_manager", None), "sentinels", ()):
                await sentinel.aclose(close_connection_pool=True)  # asked once
        return Receiver(connection, on_messages=self._take, on_lost=self._lost)

    def _take(self, messages: list[tuple[bytes, bytes]]) -> None:
        """Sort what came in one read by the channels of this process: into their queues, or for those who take it all at once."""
        channels, groups, takers = self.channel_layer.channels, self.channel_layer.groups, self.takers
        if len(channels) == 1 and takers.keys() == channels.keys():  # all that is heard is heard for it
            (take,) = takers.values()
            take([data for _, data in messages])
            return
        taken: dict[str, list[bytes]] = {}
        for encoded, data in messages:
            name = encoded.decode()
            for channel in groups.get(name) or (name,):
                if channel in takers:
                    taken.setdefault(channel, []).append(data)
                elif (queue := channels.get(channel)) is not None:
                    queue.put_nowait(data)
        for channel, items in taken.items():
            takers[channel](items)

    def _lost(self, receiver: "Receiver") -> None:
        if self._receiver is receiver:
            self._receiver = None
            self._reconnect_soon()

    def _reconnect_soon(self) -> None:
        if self._reconnecting is None or self._reconnecting.done():
            self._reconnecting = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        pause, longest = RETRY_SECONDS
        while True:
            try:
                await self._connected()
                break
            except (OSError, TimeoutError) as error:
                log.info("the channel layer cannot connect to Redis, trying again: %s", error or "no answer in time")
            await asyncio.sleep(pause)
            pause = min(longest, 2 * pause)
        for notice in self.notices:
            notice()


class Receiver(asyncio.Protocol):
    """Reads one pub/sub connection that redis-py has opened."""

    def __init__(
        self, connection: Any, *, on_messages: Callable[[list[tuple[bytes, bytes]]], None], on_lost: Callable[["Receiver"], None]
    ) -> None:
        self._connection = connection  # kept: it closes the transport when it is collected
        self._transport = cast(asyncio.Transport, connection._writer.transport)
        self._reader = hiredis.Reader()
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._transport.set_protocol(self)
        self._transport.resume_reading()

    async def subscribe(self, channels: list[str]) -> None:
        """Subscribe to all and return when all are confirmed."""
        loop = asyncio.get_running_loop()
        confirmed = []
        for channel in channels:
            confirmed.append(future := loop.create_future())
            self._waiting.setdefault(channel, []).append(future)
        self._transport.write(_command("SUBSCRIBE", *channels))
        await asyncio.gather(*confirmed)

    def unsubscribe(self, channel: str) -> None:
        """Hear of the channel no more."""
        self._transport.write(_command("UNSUBSCRIBE", channel))

    def close(self) -> None:
        """Close at once, whatever is still to be written."""
        self._transport.abort()
        self._connection._close()
        self._fail(ConnectionError("The connection to Redis was given up."))

    def data_received(self, data: bytes) -> None:
        """Hand on all messages that are there."""
        try:
            self._reader.feed(data)
            gets, messages = self._reader.gets, []
            while (reply := gets()) is not False:
                if isinstance(reply, list) and reply[0] == b"message":
                    messages.append((reply[1], reply[2]))
                else:
                    self._take(reply)
        except Exception as error:
            log.warning("what Redis sent makes no sense, connecting again: %r", error)
            self._transport.abort()
            return
        if messages:
            self._on_messages(messages)

    def _take(self, reply: Any) -> None:
        if not isinstance(reply, list):
            if isinstance(reply, Exception):
                raise reply
            return
        if reply[0] == b"subscribe":
            for future in self._waiting.pop(reply[1].decode(), ()):
                if not future.done():
                    future.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Say so."""
        self._connection._close()
        self._fail(error or ConnectionError("Redis closed the connection."))
        self._on_lost(self)

    def _fail(self, error: Exception) -> None:
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(error)
        self._waiting.clear()


def _command(*words: str) -> bytes:
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub takes one word
    return packed
