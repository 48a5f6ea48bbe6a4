import assert from "node:assert/strict";
import { test } from "node:test";

import { Store } from "../../realtime/static/realtime/store.js";
import { settle } from "./fake_server.js";
import { advance, connected, FakeStorage, rig, START, stopTime, watch } from "./rig.js";

/** A page that has watched j1 up to "one two " and is gone. */
async function earlierPage(t, { keepFor = "ann" } = {}) {
  stopTime(t);
  const storage = new FakeStorage();
  const { server, client, wake } = await connected({ storage, keepFor });
  const feed = server.feed();
  feed.text("one ");
  watch(client);
  await settle();
  server.publish(feed.text("two "));
  await settle();
  wake("pagehide");
  client.close();
  return { server, storage, feed, keptFrom: START };
}

test("a reload shows at once what was seen last, as of its time, and asks for what is missing alone", async (t) => {
  const { server, storage, feed } = await earlierPage(t);
  await advance(60, 1000);
  feed.text("three ");
  const { client } = rig({ server, storage, keepFor: "ann" });
  const seen = watch(client);
  await settle();
  assert.equal(seen.job.streamingText, "one two ");
  assert.deepEqual([seen.about.connection, seen.about.asOf], ["closed", START]);
  client.connect();
  await settle();
  assert.deepEqual(server.socket.frames("subscribe").map(({ after }) => after), ["1-3"]);
  assert.deepEqual(seen.job, feed.job);
  assert.ok(seen.about.asOf >= START + 60_000);
});

test("what is kept of a closed job is verified by its text", async (t) => {
  const { server, storage, feed } = await earlierPage(t);
  feed.close("completed");
  const store = new Store({ user: "ann", storage });
  store.write("job", "j1", { ...feed.job, streamingText: "one TWO " }, START);
  const { client } = rig({ server, storage, keepFor: "ann" });
  const seen = watch(client);
  client.connect();
  await settle();
  assert.deepEqual(server.socket.frames("subscribe").map(({ after }) => after), [feed.job.position, undefined]);
  assert.deepEqual(seen.job, feed.job);
});

test("what is kept past the log's reach is replaced", async (t) => {
  const { server, storage, feed } = await earlierPage(t);
  feed.logLength = 2;
  for (let i = 0; i < 5; i++) feed.text("x");
  const { client } = rig({ server, storage, keepFor: "ann" });
  const seen = watch(client);
  client.connect();
  await settle();
  assert.deepEqual(seen.job, feed.job);
});

test("another user sees nothing of it, and what they see is not kept for the first one", async (t) => {
  const { server, storage } = await earlierPage(t);
  const bob = rig({ server, storage, keepFor: "bob" });
  const seen = watch(bob.client);
  await settle();
  assert.equal(seen.job, null);

  server.user = "bob";
  const wrong = rig({ server, storage, keepFor: "ann" });
  const kept = storage.keys.join();
  watch(wrong.client);
  wrong.client.connect();
  await settle();
  server.feed().text("for bob's eyes");
  server.publish(server.feed().events.at(-1));
  wrong.wake("pagehide");
  assert.equal(storage.keys.join(), kept);
  assert.doesNotMatch(storage.getItem(storage.key(0)), /bob/);
});

test("somebody else signs in on the same client: what is here is forgotten", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.feed();
  const seen = watch(client);
  await settle();
  server.publish(server.feed().write("log", { level: "info", message: "for ann's eyes" }));
  server.automatic = false;
  const refused = assert.rejects(client.cancel("j1"), { code: "closed" });
  await settle();
  server.automatic = true;
  server.user = "bob";
  server.feeds.clear();
  server.socket.drop();
  await advance(1);
  await refused;
  assert.equal(seen.job, null);
  assert.deepEqual(seen.about.logs, []);
  assert.deepEqual(server.socket.frames("command"), []);
});

test("without a user nothing outlives the client, but watching again asks only for what is missing", async (t) => {
  stopTime(t);
  const storage = new FakeStorage();
  globalThis.localStorage = storage;
  t.after(() => delete globalThis.localStorage);
  const { server, client } = await connected();
  const feed = server.feed();
  const first = watch(client);
  await settle();
  first.end();
  await settle();
  const second = watch(client);
  await settle();
  assert.deepEqual(server.socket.frames("subscribe").map(({ after }) => after), [undefined, "1-1"]);
  assert.deepEqual(second.job, feed.job);
  assert.equal(storage.length, 0);
});

test("signing out forgets all of this user, and nothing of another", async (t) => {
  const { storage, server } = await earlierPage(t);
  new Store({ user: "bob", storage }).write("job", "j1", { jobId: "j1" }, START);
  const { client } = rig({ server, storage, keepFor: "ann" });
  client.forget();
  assert.deepEqual(storage.keys, ["bob:job:j1"]);
});

test("a session that ended elsewhere: what was seen is forgotten", async (t) => {
  const { storage, server } = await earlierPage(t);
  const { client } = rig({ server, storage, keepFor: "ann" });
  const seen = watch(client);
  client.connect();
  await settle();
  server.socket.drop(4503);
  await settle();
  assert.equal(seen.job, null);
  assert.deepEqual(storage.keys, []);
});

test("a deleted job is not kept", async (t) => {
  const { storage, server } = await earlierPage(t);
  server.feeds.clear();
  const { client, wake } = rig({ server, storage, keepFor: "ann" });
  const seen = watch(client);
  client.connect();
  await settle();
  wake("pagehide");
  assert.equal(seen.about.error.code, "not_found");
  assert.deepEqual(storage.keys, []);
});

test("jobs are kept while they run, not only when the page says that it goes", async (t) => {
  stopTime(t);
  const storage = new FakeStorage();
  const { server, client } = await connected({ storage, keepFor: "ann" });
  server.feed();
  watch(client);
  await advance(6);
  assert.deepEqual(storage.keys, ["ann:job:j1"]);
});

test("the last 50 are kept, and no more than browsers have room for", () => {
  const storage = new FakeStorage();
  const store = new Store({ user: "a:b c", storage });
  for (let i = 0; i < 60; i++) store.write("job", `j${i}`, { streamingText: "short" }, START + i);
  assert.equal(store.ids("job").length, 50);
  assert.equal(store.read("job", "j9"), null);
  assert.deepEqual(store.read("job", "j10"), { value: { streamingText: "short" }, asOf: START + 10 });
  for (let i = 60; i < 80; i++) store.write("job", `j${i}`, { streamingText: "x".repeat(262_144) }, START + i);
  assert.equal(store.ids("job").length, 7);
});

test("where there is little room, the jobs seen least lately make it", () => {
  const storage = new FakeStorage(1000);
  const store = new Store({ user: "ann", storage });
  for (let i = 0; i < 10; i++) assert.equal(store.write("job", `j${i}`, { streamingText: "x".repeat(300) }, START + i), true);
  assert.deepEqual(store.ids("job"), ["j8", "j9"]);
  assert.equal(store.write("outbox", "e1", { body: "y".repeat(700) }, START), true);
  assert.deepEqual(store.ids("job"), []);
  assert.equal(store.write("job", "j11", { streamingText: "x".repeat(3000) }, START), false);
  assert.deepEqual(store.ids("outbox"), ["e1"]);
});

test("what cannot be read is as if it were not there", async (t) => {
  stopTime(t);
  const storage = new FakeStorage();
  const { server, client } = await connected({ storage, keepFor: "ann" });
  for (const [index, text] of ["", "{", "12 {", "12 null", "12 {}", "12 []", '12 {"position":"1-2"}', "x {}"].entries()) {
    const jobId = `j${index}`;
    storage.setItem(`realtime:1:ann:job:${jobId}`, text);
    server.feed(jobId);
    const seen = watch(client, jobId);
    await settle();
    assert.equal(seen.job?.jobId, jobId, text);
  }
});

test("where localStorage is forbidden, nothing is kept", async (t) => {
  stopTime(t);
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: () => { throw new DOMException("no", "SecurityError"); } }); // prettier-ignore
  t.after(() => delete globalThis.localStorage);
  const { server, client, wake } = await connected({ keepFor: "ann" });
  server.feed();
  const seen = watch(client);
  await settle();
  wake("pagehide");
  assert.equal(seen.job.jobId, "j1");
});
