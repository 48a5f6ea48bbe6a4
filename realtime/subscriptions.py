"""What one socket is subscribed to: topics by their names on the wire, and where the socket is in each."""

from realtime import protocol
from realtime.auth import Identity
from realtime.conf import settings
from realtime.cursor import Cursor
from realtime.errors import RequestRefused
from realtime.hub import Hub
from realtime.job_list import ListCursor
from realtime.job_watch import JobWatch
from realtime.outbox import Outbox
from realtime.position import CLOSED, Position
from realtime.topics import ALL_JOBS, MY_JOBS, job_id_of
from realtime.watch import Watch


class Subscriptions:
    """Reads watches for one socket: their news goes to its outbox."""

    def __init__(self, hub: Hub, outbox: Outbox) -> None:
        self._hub = hub
        self._outbox = outbox
        self.wake = outbox.wake
        self._watches: dict[str, Watch] = {}
        self._ended = False

    def end(self) -> None:
        """Read nothing more."""
        self._ended = True
        for watch in self._watches.values():
            watch.detach(self)
        self._watches.clear()

    async def subscribe(self, message: protocol.Subscribe, identity: Identity) -> None:
        """Subscribe, or move the cursor of a topic that is held. Raises RequestRefused and the database's errors."""
        topic = message.topic
        if topic not in self._watches and len(self._watches) >= settings.topics_per_socket:
            raise RequestRefused("too_many_subscriptions", f"A socket has at most {settings.topics_per_socket} subscriptions.")
        job_id = job_id_of(topic)
        if job_id is not None:
            await self._subscribe_to_job(message, identity, job_id)
        elif (topic == MY_JOBS and not identity.is_shared) or (topic == ALL_JOBS and identity.user.is_staff):
            await self._subscribe_to_list(message, None if topic == ALL_JOBS else identity.user.pk)
        elif topic in (MY_JOBS, ALL_JOBS):
            raise RequestRefused("not_found", "There is no such topic.")
        else:
            raise RequestRefused("bad_message", "A topic is job:<jobId>, jobs or jobs:all.")

    async def _subscribe_to_job(self, message: protocol.Subscribe, identity: Identity, job_id: str) -> None:
        if not await self._hub.may_watch(identity.user, job_id):
            raise RequestRefused("not_found", "There is no such job.")
        watch = await self._hub.attach_job(job_id, self)
        if watch is None:
            raise RequestRefused("not_found", "There is no such job.")
        self._keep(message.topic, watch)
        after = message.after
        if after is not None and after > watch.feed.position:
            await watch.catch_up(after)
            if not watch.is_open:
                raise RequestRefused("not_found", "There is no such job.")
        feed = watch.feed
        recovered = after is not None and recovers(watch, after)
        frame = {"type": "subscribed", "ref": message.ref, "topic": message.topic, "position": str(feed.position), "recovered": recovered}
        if feed.position.seq == CLOSED:
            frame["textSha256"] = feed.job.text_sha256
        await self._outbox.send_and_follow(protocol.encode(frame), watch.name, Cursor(feed, after if recovered else None))

    async def _subscribe_to_list(self, message: protocol.Subscribe, owner_id: object | None) -> None:
        watch = await self._hub.attach_list(owner_id, self)
        self._keep(message.topic, watch)
        frame = {"type": "subscribed", "ref": message.ref, "topic": message.topic, "position": None, "recovered": False}
        await self._outbox.send_and_follow(protocol.encode(frame), watch.name, ListCursor(watch.jobs))

    def _keep(self, topic: str, watch: Watch) -> None:
        """Note the watch at once, so that it is left whatever happens next."""
        self._watches[topic] = watch
        if self._ended:
            self.end()

    async def unsubscribe(self, message: protocol.Unsubscribe) -> None:
        """Read a topic no more; one that is not held is no error."""
        watch = self._watches.pop(message.topic, None)
        if watch:
            self._outbox.forget(watch.name)
            watch.detach(self)
        await self._outbox.send(protocol.encode({"type": "unsubscribed", "ref": message.ref, "topic": message.topic}))

    # A watch's reader

    def gone(self, name: str) -> None:
        """The job of a watch was deleted."""
        self._outbox.forget(name)
        if self._watches.pop(name, None):  # a job's watch has the name of its topic
            self._outbox.notify(protocol.encode({"type": "unsubscribed", "topic": name, "reason": "deleted"}))


def recovers(watch: JobWatch, after: Position) -> bool:
    """Tell whether a reader at `after` gets all that it missed as events."""
    feed = watch.feed
    if after > feed.position:  # ahead of log and row: it heard what was published just now, if that can be
        return after.attempt == feed.position.attempt and feed.position.seq != CLOSED and after.seq != CLOSED
    return feed.reaches(after)
