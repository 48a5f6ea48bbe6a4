import assert from "node:assert/strict";
import { test } from "node:test";

import { JobError } from "../../realtime/static/realtime/client.js";
import { settle } from "./fake_server.js";
import { advance, connected, rig, START, stopTime, watch } from "./rig.js";

const CLOSED = { name: "JobError", code: "closed" };

test("one socket carries all: jobs, listeners, commands", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  for (const jobId of ["j1", "j2", "j3"]) server.feed(jobId);
  const seen = ["j1", "j2", "j3", "j1"].map((jobId) => watch(client, jobId));
  await client.cancel("j2");
  assert.equal(server.sockets.length, 1);
  assert.deepEqual(server.socket.frames("subscribe").map(({ topic }) => topic), ["job:j1", "job:j2", "job:j3"]);
  assert.deepEqual(seen.map(({ job }) => job.jobId), ["j1", "j2", "j3", "j1"]);
});

test("each listener is told by itself; the last one that leaves ends the subscription", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  const feed = server.feed();
  const [first, second] = [watch(client), watch(client)];
  await settle();
  first.end();
  first.end();
  const count = first.told.length;
  server.publish(feed.text("one "));
  await settle();
  assert.equal(first.told.length, count);
  assert.equal(second.job.streamingText, "one ");
  assert.deepEqual(server.socket.frames("unsubscribe"), []);
  second.end();
  await settle();
  assert.deepEqual(server.socket.frames("unsubscribe").map(({ topic }) => topic), ["job:j1"]);
  server.socket.drop();
  await advance(1);
  assert.deepEqual(server.socket.frames("subscribe"), []);
});

test("the same function twice is two listeners", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.feed();
  let calls = 0;
  const listener = () => calls++;
  const ends = [client.onConnection(listener), client.onConnection(listener)];
  ends[0]();
  client.close();
  assert.equal(calls, 3);
});

test("left and watched again in the same breath: the server hears nothing of it", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.feed();
  watch(client).end();
  const seen = watch(client);
  await settle();
  assert.deepEqual(server.socket.received.slice(1).map(({ type }) => type), ["subscribe"]);
  assert.equal(seen.job.jobId, "j1");
});

test("left and watched again at once: the answer to the leave is not taken for the new one's", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.feed();
  watch(client).end();
  await null;
  const seen = watch(client);
  await settle();
  server.publish(server.feed().text("one "));
  await settle();
  assert.equal(seen.job.streamingText, "one ");
  assert.equal(seen.about.error, null);
});

test("a listener is told at once, and once for all that happens before the next frame is drawn", async (t) => {
  stopTime(t);
  const drawn = [];
  const { server, client } = await connected({ schedule: (callback) => drawn.push(callback) });
  const feed = server.feed();
  const seen = watch(client);
  await settle();
  for (let i = 0; i < 100; i++) server.publish(feed.text("x"));
  assert.equal(drawn.length, 1);
  drawn.shift()();
  assert.equal(seen.told.length, 1);
  assert.equal(seen.job.streamingText.length, 100);
});

test("a hidden page draws nothing: what waits is told before", async (t) => {
  stopTime(t);
  const { server, client, wake } = await connected({ schedule: () => {} });
  server.feed();
  const seen = watch(client);
  await settle();
  assert.equal(seen.told.length, 0);
  wake("visibilitychange");
  assert.equal(seen.job.jobId, "j1");
});

test("a listener that throws is not the others' trouble", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.feed();
  const thrown = [];
  const caught = (error) => thrown.push(error.message);
  process.setUncaughtExceptionCaptureCallback(caught);
  t.after(() => process.setUncaughtExceptionCaptureCallback(null));
  client.subscribe("j1", () => {
    throw new Error("a mistake");
  });
  const seen = watch(client);
  await settle();
  assert.equal(seen.job.jobId, "j1");
  assert.ok(thrown.length > 0 && thrown.every((message) => message === "a mistake"));
});

test("a command is answered by the summary, or by the reason against it", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  assert.equal((await client.cancel("j1")).state, "cancelled");
  server.automatic = false;
  const refused = client.command("pause", "j1", { ifAttempt: 2 });
  const { ref, ...frame } = server.socket.frames("command").at(-1);
  assert.deepEqual(frame, { type: "command", action: "pause", jobId: "j1", ifAttempt: 2 });
  server.socket.say({ type: "error", ref, code: "conflict", message: "The job is completed." });
  await assert.rejects(refused, (error) => error instanceof JobError && error.code === "conflict" && error.message === "The job is completed.");
});

test("a command without an answer is sent again on the next connection, in order; answered ones are not", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  await client.cancel("j0");
  server.automatic = false;
  const answers = ["j1", "j2"].map((jobId) => client.cancel(jobId));
  await settle();
  server.automatic = true;
  server.socket.drop();
  const third = client.cancel("j3");
  await advance(1);
  assert.deepEqual(server.socket.frames("command").map(({ jobId }) => jobId), ["j1", "j2", "j3"]);
  assert.deepEqual((await Promise.all([...answers, third])).map(({ jobId }) => jobId), ["j1", "j2", "j3"]);
});

test("a command past the rate is sent again, once", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.automatic = false;
  const answer = client.cancel("j1");
  const [{ ref }] = server.socket.frames("command");
  await settle();
  server.automatic = true;
  server.socket.say({ type: "error", ref, code: "rate_limited", message: "Too fast." });
  await advance(3);
  assert.equal((await answer).state, "cancelled");
  assert.equal(server.socket.frames("command").length, 2);
});

test("a command past the rate whose connection is lost meanwhile goes out once on the next", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.automatic = false;
  client.cancel("j1").catch(() => {});
  const [{ ref }] = server.socket.frames("command");
  server.socket.say({ type: "error", ref, code: "rate_limited", message: "Too fast." });
  server.socket.drop();
  await settle();
  await advance(0.25);
  server.socket.say({ type: "welcome", protocol: 1, user: "ann", heartbeatSeconds: 20, expiresAt: START + 900_000 });
  await advance(3);
  assert.equal(server.socket.frames("command").length, 1);
});

test("closed for good: what has no answer is rejected, and so is what comes later", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.automatic = false;
  const pending = client.cancel("j1");
  server.socket.drop(4503);
  await assert.rejects(pending, { ...CLOSED, message: "Not connected: user deactivated or session ended." });
  await assert.rejects(client.cancel("j2"), CLOSED);
});

test("an error that answers nothing is let pass", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  server.feed();
  const seen = watch(client);
  await settle();
  for (const ref of [null, undefined, 99]) server.socket.say({ type: "error", ref, code: "bad_message", message: "What?" });
  server.socket.say({ type: "ack", ref: 99, job: {} });
  server.socket.say({ type: "events", topic: "job:j9", events: [] });
  await settle();
  assert.equal(seen.about.error, null);
});

for (const [apiUrl, address] of [["https://jobs.example", "wss://jobs.example/ws/"], ["http://jobs.example:3000", "ws://jobs.example:3000/ws/"],
  ["", "ws://localhost/ws/"]]) { // prettier-ignore
  test(`the socket of the server at "${apiUrl}" is ${address}`, async (t) => {
    stopTime(t);
    const { server } = await connected({ apiUrl, socketUrl: undefined });
    assert.equal(server.socket.url, address);
  });
}

test("jobs are created over REST: the id is chosen here, a lost answer is asked for again", async (t) => {
  stopTime(t);
  const { client } = rig({ apiUrl: "https://jobs.example" });
  const requests = [];
  const answers = [new TypeError("fetch failed"), new Response("", { status: 502 }), Response.json({ jobId: "x" }, { status: 201 })];
  t.mock.method(globalThis, "fetch", async (url, { method, headers, body }) => {
    requests.push({ url, method, headers, body: JSON.parse(body) });
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const created = client.create({ type: "search", query: "why" });
  await advance(6);
  assert.deepEqual(await created, { jobId: "x" });
  assert.equal(requests.length, 3);
  assert.deepEqual([requests[0].url, requests[0].method], ["https://jobs.example/api/jobs", "POST"]);
  assert.equal(requests[0].headers.Authorization, "Bearer t1");
  assert.match(requests[0].body.jobId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(requests.map(({ body }) => body.jobId)).size, 1);
});

test("REST says no: an error with code, status and messages by field", async (t) => {
  const { client } = rig();
  const problem = { title: "Bad Request", status: 400, code: "invalid", detail: "Look again.", errors: { type: ["Unknown type."] } };
  t.mock.method(globalThis, "fetch", async () => Response.json(problem, { status: 400 }));
  await assert.rejects(client.create({ type: "x" }), { code: "invalid", status: 400, message: "Look again.", errors: problem.errors });
  t.mock.method(globalThis, "fetch", async () => new Response("<h1>no</h1>", { status: 404 }));
  await assert.rejects(client.read("a/b"), { code: "unavailable", status: 404 });
});
