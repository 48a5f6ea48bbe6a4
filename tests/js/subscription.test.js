import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "./fake_server.js";
import { advance, connected, START, stopTime, watch } from "./rig.js";

/** A client that watches j1, whose text is "one ". */
async function watching(t, options) {
  stopTime(t);
  const all = await connected(options);
  const feed = all.server.feed();
  feed.text("one ");
  const seen = watch(all.client);
  await settle();
  return { ...all, feed, seen };
}
const subscribes = (socket) => socket.frames("subscribe").map(({ topic, after }) => ({ topic, after }));

test("the first subscribe is without after: a snapshot, then events", async (t) => {
  const { server, feed, seen } = await watching(t);
  assert.deepEqual(subscribes(server.socket), [{ topic: "job:j1", after: undefined }]);
  assert.equal(seen.job.streamingText, "one ");
  server.publish(feed.text("two "), feed.write("progress", { progress: 40, step: "Searching" }));
  await settle();
  assert.deepEqual(seen.job, feed.job);
  assert.equal(seen.about.connection, "online");
  assert.equal(seen.about.kept, null);
});

test("after a lost connection only what is missing is asked for", async (t) => {
  const { server, feed, seen } = await watching(t);
  const { position } = seen.job;
  server.socket.drop();
  feed.text("two ");
  await advance(1);
  assert.deepEqual(subscribes(server.socket), [{ topic: "job:j1", after: position }]);
  assert.equal(seen.job.streamingText, "one two ");
  assert.ok(seen.told.every(({ job }) => job === null || "one two ".startsWith(job.streamingText)));
});

test("what is past the log's reach comes as a snapshot", async (t) => {
  const { server, feed, seen } = await watching(t);
  server.socket.drop();
  feed.logLength = 3;
  for (let i = 0; i < 10; i++) feed.text(`${i} `);
  await advance(1);
  assert.deepEqual(seen.job, feed.job);
  server.publish(feed.text("and on"));
  await settle();
  assert.deepEqual(seen.job, feed.job);
});

test("a gap: what is missing is asked for, what was heard twice is dropped", async (t) => {
  const { server, feed, seen } = await watching(t);
  const { position } = seen.job;
  const lost = feed.text("two ");
  server.publish(feed.text("three "));
  await settle();
  assert.deepEqual(subscribes(server.socket).at(-1), { topic: "job:j1", after: position });
  assert.equal(seen.job.streamingText, "one two three ");
  server.publish(lost);
  await settle();
  assert.equal(seen.job.streamingText, "one two three ");
});

test("the same gap twice: the job is asked for whole", async (t) => {
  const { server, feed, seen } = await watching(t);
  const lost = feed.text("two ");
  server.wire = (frame) => [frame.type === "events" ? { ...frame, events: frame.events.filter(({ seq }) => seq !== lost.seq) } : frame];
  server.publish(feed.text("three "));
  await advance(0.25);
  assert.deepEqual(subscribes(server.socket).map(({ after }) => after), [undefined, "1-2", undefined]);
  assert.equal(seen.job.streamingText, "one two three ");
});

test("damage: the job is asked for whole; when it is damaged again, later and later, up to 30 s", async (t) => {
  const { server, feed, seen } = await watching(t);
  server.wire = (frame) => {
    if (frame.type === "events") return [{ ...frame, events: frame.events.map((event) => ({ ...event, data: { offset: 1, text: "x" } })) }];
    return [frame];
  };
  server.publish(feed.text("two "));
  await settle();
  assert.equal(subscribes(server.socket).at(-1).after, undefined);
  assert.equal(seen.job.streamingText, "one two ");

  const waits = [];
  for (let i = 0; i < 6; i++) {
    const asked = subscribes(server.socket).length;
    server.publish(feed.text("more "));
    let waited = 0;
    for (; waited < 40 && subscribes(server.socket).length === asked; waited++) {
      await advance(1, 1000);
      server.socket.say({ type: "heartbeat", ts: START, degraded: false });
    }
    waits.push(waited);
  }
  assert.deepEqual(waits, [2, 4, 8, 16, 30, 30]);
  assert.equal(seen.job.streamingText, feed.job.streamingText);
});

test("a text that differs at the close is damage", async (t) => {
  const { server, feed, seen } = await watching(t);
  const event = feed.text("two ");
  server.publish({ ...event, data: { ...event.data, text: "TWO " } });
  server.publish(feed.close("completed"));
  await settle();
  assert.equal(seen.job.streamingText, "one two ");
  assert.equal(seen.job.state, "completed");
});

test("a text that differs from the closed one is found on subscribing again", async (t) => {
  const { server, feed, seen } = await watching(t);
  server.publish(feed.close("completed"));
  await settle();
  server.socket.drop();
  const odd = { ...feed.job, streamingText: "two " };
  feed.job = odd;
  await advance(1);
  assert.deepEqual(subscribes(server.socket).map(({ after }) => after), [feed.job.position, undefined]);
  assert.equal(seen.job.streamingText, "two ");
});

test("frames between subscribe and subscribed are dropped", async (t) => {
  const { server, feed, seen } = await watching(t);
  server.automatic = false;
  server.socket.drop();
  await advance(0.25);
  const socket = server.socket;
  socket.say({ type: "welcome", protocol: 1, user: "ann", heartbeatSeconds: 20, expiresAt: START + 900_000 });
  const [{ ref }] = socket.frames("subscribe");
  const event = feed.text("two ");
  const odd = { ...feed.job, streamingText: "from another life" };
  socket.say({ type: "events", topic: "job:j1", events: [event] });
  socket.say({ type: "snapshot", topic: "job:j1", position: "1-9", job: odd });
  socket.say({ type: "subscribed", ref: ref - 1, topic: "job:j1", position: "1-9", recovered: false });
  socket.say({ type: "events", topic: "job:j1", events: [event] });
  await settle();
  assert.equal(seen.job.streamingText, "one ");
  socket.say({ type: "subscribed", ref, topic: "job:j1", position: "1-3", recovered: true });
  socket.say({ type: "events", topic: "job:j1", events: [event] });
  await settle();
  assert.equal(seen.job.streamingText, "one two ");
});

test("an unasked snapshot replaces what is here, be its position lower", async (t) => {
  const { server, feed, seen } = await watching(t);
  const restored = { ...feed.job, streamingText: "o" };
  server.socket.say({ type: "snapshot", topic: "job:j1", position: "1-1", job: restored });
  await settle();
  assert.deepEqual(seen.job, { ...restored, position: "1-1" });
});

test("a new attempt cuts the text, and goes on from there", async (t) => {
  const { server, feed, seen } = await watching(t);
  server.publish(feed.text("two "));
  server.publish(feed.requeue(4, 2), feed.write("state", { state: "running" }));
  await settle();
  assert.equal(seen.job.streamingText, "one ");
  assert.equal(seen.job.attempt, 2);
  assert.equal(seen.about.kept, 4);
  server.publish(feed.text("three"));
  await settle();
  assert.deepEqual(seen.job, feed.job);
});

test("deleted: the job is gone, and why", async (t) => {
  const { server, seen } = await watching(t);
  server.socket.say({ type: "unsubscribed", topic: "job:j1", reason: "deleted" });
  await settle();
  assert.equal(seen.job, null);
  assert.equal(seen.about.error.code, "deleted");
});

test("a job that is not there: an error; asked again with the next connection", async (t) => {
  const { server, client } = await watching(t);
  const seen = watch(client, "j2");
  await settle();
  assert.equal(seen.job, null);
  assert.equal(seen.about.error.code, "not_found");
  server.feed("j2");
  server.socket.drop();
  await advance(1);
  assert.equal(seen.job.state, "running");
  assert.equal(seen.about.error, null);
});

for (const code of ["rate_limited", "unavailable"]) {
  test(`${code}: subscribed later`, async (t) => {
    const { server, client } = await watching(t);
    server.automatic = false;
    const seen = watch(client, "j2");
    server.feed("j2");
    await settle();
    const { ref } = server.socket.frames("subscribe").at(-1);
    server.automatic = true;
    server.socket.say({ type: "error", ref, code, message: "Later." });
    await advance(1);
    assert.equal(seen.job, null);
    assert.equal(seen.about.error, null);
    await advance(1.25);
    assert.equal(seen.job.state, "running");
  });
}

test("log lines are kept, the last 200; they are part of no job", async (t) => {
  const { server, feed, seen } = await watching(t);
  for (let i = 0; i < 205; i++) server.publish(feed.write("log", { level: "info", message: `line ${i}` }));
  await settle();
  assert.equal(seen.about.logs.length, 200);
  assert.deepEqual([seen.about.logs[0].message, seen.about.logs.at(-1).message], ["line 5", "line 204"]);
  assert.equal("logs" in seen.job, false);
});

test("how the worker is has no position", async (t) => {
  const { server, seen } = await watching(t);
  server.socket.say({ type: "status", topic: "job:j1", worker: "late", quietSeconds: 9, usualSeconds: 3, queuePosition: null, eta: null });
  await settle();
  assert.equal(seen.about.status.worker, "late");
  server.socket.drop();
  await settle();
  assert.equal(seen.about.status, null, "what is not heard any more is not known");
});

test("as of: now while it is live, else when it was last heard", async (t) => {
  const { server, feed, seen } = await watching(t);
  await advance(5);
  server.publish(feed.text("two "));
  await settle();
  assert.equal(seen.about.asOf, START + 5000);
  server.refusing = 1006;
  await advance(3);
  server.socket.drop();
  await advance(3);
  assert.equal(seen.about.asOf, START + 5000);
  assert.equal(seen.about.connection, "offline");
});
