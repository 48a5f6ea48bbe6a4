import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "./fake_server.js";
import { advance, connected, FakeLocks, FakeStorage, rig, stopTime, watch } from "./rig.js";

const states = (client) => client.outbox.entries.map(({ action, state }) => `${action} ${state}`);

/** What REST is asked, and its answers: by turns, or the job that was posted. */
function fakeRest(t, answers = []) {
  const posted = [];
  t.mock.method(globalThis, "fetch", async (url, { body }) => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    posted.push(JSON.parse(body));
    return answer ?? Response.json({ ...JSON.parse(body), attempt: 1, state: "created" }, { status: 201 });
  });
  return posted;
}

/** A page of ann's that watches j1, and has no connection any more. */
async function offline(t, { server, storage = new FakeStorage(), locks = new FakeLocks(), watched = ["j1"] } = {}) {
  const page = locks.page();
  const all = await connected({ server, storage, locks: page, keepFor: "ann" });
  for (const jobId of watched) {
    all.server.feed(jobId);
    all[jobId] = watch(all.client, jobId);
  }
  await settle();
  all.server.refusing = 1006;
  all.server.socket.drop();
  await advance(1);
  const online = async () => {
    all.server.refusing = null;
    all.wake("online");
    await advance(1);
  };
  const goAway = () => {
    all.client.close();
    page.close();
  };
  return { ...all, storage, locks, online, goAway };
}

test("a command goes out once, and reports what became of it", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.feed();
  watch(client);
  await settle();
  const seen = [];
  client.outbox.onChange((entries) => seen.push(entries.map(({ state }) => state).join()));
  const job = await client.outbox.command("cancel", "j1").done;
  assert.equal(job.state, "cancelled");
  assert.deepEqual(seen, ["", "pending", "sent", "applied"]);
  assert.deepEqual(server.socket.frames("command").map(({ action, ifAttempt }) => [action, ifAttempt]), [["cancel", 1]]);
});

test("what is asked for offline waits, and goes out in order", async (t) => {
  stopTime(t);
  const { server, client, online } = await offline(t, { watched: ["j1", "j2"] });
  for (const [action, jobId] of [["pause", "j1"], ["cancel", "j2"], ["resume", "j1"], ["pause", "j1"]]) client.outbox.command(action, jobId);
  assert.deepEqual(states(client), ["pause pending", "cancel pending", "resume pending", "pause pending"]);
  await online();
  const sent = server.socket.frames("command").map(({ action, jobId, ifAttempt }) => `${action} ${jobId} at ${ifAttempt}`);
  assert.deepEqual(sent, ["pause j1 at 1", "cancel j2 at 1", "resume j1 at 1", "pause j1 at 2"]);
  assert.deepEqual(states(client), ["pause applied", "cancel applied", "resume applied", "pause applied"]);
});

test("what is asked for offline outlives the page", async (t) => {
  stopTime(t);
  const before = await offline(t);
  before.client.outbox.command("pause", "j1");
  before.goAway();
  const next = rig({ server: before.server, storage: before.storage, locks: before.locks.page(), keepFor: "ann" });
  before.server.refusing = null;
  next.client.connect();
  await settle();
  assert.deepEqual(states(next.client), ["pause applied"]);
  assert.equal(before.server.feed().job.state, "paused");
  assert.deepEqual(before.storage.keys.filter((key) => key.includes("outbox")), []);
});

test("what was sent and not answered is sent again by the next page", async (t) => {
  stopTime(t);
  const storage = new FakeStorage();
  const locks = new FakeLocks();
  const page = locks.page();
  const { server, client } = await connected({ storage, locks: page, keepFor: "ann" });
  server.feed();
  watch(client);
  await settle();
  server.automatic = false;
  client.outbox.command("cancel", "j1");
  await settle();
  assert.deepEqual(states(client), ["cancel sent"]);
  client.close();
  page.close();
  server.automatic = true;
  const next = rig({ server, storage, locks: locks.page(), keepFor: "ann" });
  next.client.connect();
  await settle();
  assert.deepEqual(states(next.client), ["cancel applied"]);
});

test("two pages: each sends its own, once", async (t) => {
  stopTime(t);
  const first = await offline(t);
  first.client.outbox.command("pause", "j1");
  first.server.refusing = null;
  const second = await connected({ server: first.server, storage: first.storage, locks: first.locks.page(), keepFor: "ann" });
  assert.deepEqual(states(second.client), []);
  await first.online();
  assert.deepEqual(states(first.client), ["pause applied"]);
  assert.equal(first.server.sockets.flatMap((socket) => socket.frames("command")).length, 1);
});

test("a stale cancel does not hit a later attempt", async (t) => {
  stopTime(t);
  const { server, client, online } = await offline(t);
  const { done } = client.outbox.command("cancel", "j1");
  const feed = server.feed();
  feed.close("failed");
  feed.requeue(0);
  feed.write("state", { state: "running" });
  await online();
  await assert.rejects(done, { code: "conflict" });
  assert.deepEqual(states(client), ["cancel refused"]);
  assert.equal(feed.job.state, "running");
});

test("a command on a job that is not known here is refused, since it could hit any attempt", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  await assert.rejects(client.outbox.command("cancel", "j7").done, { code: "conflict" });
  assert.deepEqual(server.socket.frames("command"), []);
  assert.equal((await client.outbox.command("cancel", "j7", { ifAttempt: 1 }).done).state, "cancelled");
});

test("what waited for more than a day is not meant any more", async (t) => {
  stopTime(t);
  const { server, client, online, storage } = await offline(t);
  const { done } = client.outbox.command("cancel", "j1");
  const refused = assert.rejects(done, { code: "expired" });
  await advance(25 * 3600, 900_000);
  await online();
  await refused;
  assert.deepEqual(states(client), ["cancel expired"]);
  assert.equal(server.feed().job.state, "running");
  assert.deepEqual(storage.keys.filter((key) => key.includes("outbox")), []);
});

test("what was sent a day ago and never answered is not sent again", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.feed();
  watch(client);
  await settle();
  server.automatic = false;
  client.outbox.command("cancel", "j1");
  await settle();
  server.refusing = 1006;
  server.socket.drop();
  await advance(25 * 3600, 900_000);
  server.refusing = null;
  server.automatic = true;
  await advance(60, 1000);
  assert.equal(client.connection, "online");
  assert.deepEqual(states(client), ["cancel expired"]);
});

test("a new job has its id at once, whatever the network does; commands on it come after it", async (t) => {
  stopTime(t);
  const { server, client, online } = await offline(t);
  const noNetwork = () => new TypeError("fetch failed");
  const posted = fakeRest(t, [noNetwork(), noNetwork(), noNetwork(), noNetwork()]);
  const { jobId, done } = client.outbox.create({ type: "search", query: "why" });
  client.outbox.command("cancel", jobId);
  await advance(12);
  assert.deepEqual(states(client), ["create pending", "cancel pending"]);
  await online();
  assert.equal((await done).jobId, jobId);
  assert.deepEqual(posted, [{ jobId, type: "search", query: "why" }]);
  assert.deepEqual(server.socket.frames("command").map((frame) => [frame.jobId, frame.ifAttempt]), [[jobId, 1]]);
  assert.deepEqual(states(client), ["create applied", "cancel applied"]);
});

test("a new job needs no socket, and is watched once it is there", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  const posted = fakeRest(t);
  const seen = watch(client, "mine");
  await settle();
  assert.equal(seen.about.error.code, "not_found");
  server.feed("mine");
  await client.outbox.create({ jobId: "mine", type: "search" }).done;
  await settle();
  assert.equal(posted.length, 1);
  assert.equal(seen.job.state, "running");

  const other = rig();
  await other.client.outbox.create({ type: "search" }).done;
  assert.equal(other.server.sockets.length, 0);
});

test("a server in trouble is asked again; one that refuses is not", async (t) => {
  stopTime(t);
  const { client } = await connected();
  const trouble = () => Response.json({ code: "rate_limited", detail: "Later." }, { status: 429 });
  const posted = fakeRest(t, [trouble(), trouble()]);
  client.outbox.create({ type: "search" });
  await advance(4);
  assert.deepEqual(states(client), ["create pending"]);
  await advance(10);
  assert.deepEqual(states(client), ["create applied"]);
  assert.equal(posted.length, 3);

  fakeRest(t, [Response.json({ code: "invalid", detail: "Unknown type.", errors: { type: ["Unknown."] } }, { status: 400 })]);
  await assert.rejects(client.outbox.create({ type: "x" }).done, { code: "invalid", errors: { type: ["Unknown."] } });
  assert.deepEqual(states(client), ["create applied", "create refused"]);
});

test("another user's page sends nothing of it", async (t) => {
  stopTime(t);
  const before = await offline(t);
  before.client.outbox.command("cancel", "j1");
  before.goAway();
  const { server, storage, locks } = before;
  server.refusing = null;
  for (const keepFor of ["bob", "ann"]) {
    server.user = "bob";
    await connected({ server, storage, locks: locks.page(), keepFor });
  }
  assert.deepEqual(server.sockets.flatMap((socket) => socket.frames("command")), []);
  server.user = "ann";
  const { client } = await connected({ server, storage, locks: locks.page(), keepFor: "ann" });
  assert.deepEqual(states(client), ["cancel applied"]);
});

test("answers are shown until they are dismissed, the last 20", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.feed();
  for (let i = 0; i < 25; i++) await client.outbox.command("cancel", `k${i}`, { ifAttempt: 1 }).done;
  assert.deepEqual(client.outbox.entries.map(({ jobId }) => jobId), Array.from({ length: 20 }, (_, index) => `k${index + 5}`));
  client.outbox.dismiss(client.outbox.entries[0].id);
  assert.equal(client.outbox.entries[0].jobId, "k6");
});
