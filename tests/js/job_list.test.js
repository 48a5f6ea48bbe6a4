import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "./fake_server.js";
import { advance, connected, FakeStorage, rig, START, stopTime } from "./rig.js";

const job = (jobId, position, more = {}) => ({ jobId, position, state: "running", attempt: Number(position.split("-")[0]),
  createdAt: `2025-11-21T10:00:0${jobId.slice(1)}.000Z`, updatedAt: "2025-11-21T11:00:00.000Z", ...more }); // prettier-ignore

function watchJobs(client, options) {
  const seen = { jobs: undefined };
  seen.end = client.jobs((jobs, about) => Object.assign(seen, { jobs, about, ids: jobs?.map(({ jobId }) => jobId) }), options);
  return seen;
}

/** A client that watches the list of j1 to j3. */
async function watching(t, options) {
  stopTime(t);
  const all = await connected(options);
  all.server.automatic = false;
  const seen = watchJobs(all.client);
  const answer = (jobs) => {
    const { socket } = all.server;
    const { ref, topic } = socket.frames("subscribe").at(-1);
    socket.topics.add(topic);
    socket.say({ type: "subscribed", ref, topic, position: null, recovered: false });
    socket.say({ type: "jobs", topic, jobs });
    return settle();
  };
  await answer([job("j2", "1-5"), job("j3", "1-7"), job("j1", "2-1")]);
  return { ...all, seen, answer };
}

test("the newest jobs, newest first, then those that change", async (t) => {
  const { server, seen } = await watching(t);
  assert.deepEqual(seen.ids, ["j3", "j2", "j1"]);
  assert.equal(seen.about.connection, "online");
  server.publishJobs([job("j4", "1-0"), job("j2", "1-6", { progress: 50 })], { removed: ["j1", "j9"] });
  await settle();
  assert.deepEqual(seen.ids, ["j4", "j3", "j2"]);
  assert.equal(seen.jobs[2].progress, 50);
});

for (const [name, news, wins] of [
  ["a higher position", { position: "1-6", updatedAt: "2025-11-21T10:59:00.000Z" }, true],
  ["a higher attempt", { position: "2-0" }, true],
  ["a lower position", { position: "1-4", updatedAt: "2025-11-21T11:59:00.000Z" }, false],
  ["the same position, changed later", { position: "1-5", updatedAt: "2025-11-21T11:00:00.001Z" }, true],
  ["the same position, changed earlier", { position: "1-5", updatedAt: "2025-11-21T10:59:59.999Z" }, false],
]) {
  test(`${name} ${wins ? "wins" : "does not win"}`, async (t) => {
    const { server, seen } = await watching(t);
    server.publishJobs([job("j2", "1-5", { ...news, message: "news" })]);
    await settle();
    assert.equal(seen.jobs[1].message === "news", wins);
  });
}

test("the list of a new connection replaces the old one; what is older in it does not", async (t) => {
  const { server, seen, answer } = await watching(t);
  server.automatic = false;
  server.socket.drop();
  await advance(0.25);
  server.socket.say({ type: "welcome", protocol: 1, user: "ann", heartbeatSeconds: 20, expiresAt: START + 900_000 });
  assert.deepEqual(seen.ids, ["j3", "j2", "j1"]);
  await answer([job("j4", "1-1"), job("j2", "1-4", { message: "old" })]);
  assert.deepEqual(seen.ids, ["j4", "j2"]);
  assert.equal(seen.jobs[1].position, "1-5");
});

test("of all, for staff; who may not is told", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.automatic = false;
  const seen = watchJobs(client, { all: true });
  const [{ ref, topic }] = server.socket.frames("subscribe");
  assert.equal(topic, "jobs:all");
  server.socket.say({ type: "error", ref, code: "not_found", message: "No." });
  await settle();
  assert.equal(seen.jobs, null);
  assert.equal(seen.about.error.code, "not_found");
});

test("a reload shows the list at once, as of its time", async (t) => {
  const storage = new FakeStorage();
  const { wake, client, server } = await watching(t, { storage, keepFor: "ann" });
  wake("pagehide");
  client.close();
  await advance(10, 1000);
  const next = rig({ server, storage, keepFor: "ann" });
  const seen = watchJobs(next.client);
  await settle();
  assert.deepEqual(seen.ids, ["j3", "j2", "j1"]);
  assert.equal(seen.about.asOf, START);
});

test("who leaves is told nothing more", async (t) => {
  const { server, seen } = await watching(t);
  seen.end();
  await settle();
  assert.deepEqual(server.socket.frames("unsubscribe").map(({ topic }) => topic), ["jobs"]);
});
