import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "./fake_server.js";
import { act, createElement as h, drawn, jobs, probe, render, StrictMode, under } from "./react_page.js";
import { advance, connected, FakeStorage, rig, START, stopTime } from "./rig.js";

const { JobsProvider, useJobProgress, useJobs } = jobs;

test("a job's progress, text and end", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  const feed = server.feed();
  const [Probe, seen] = probe(() => useJobProgress("j1"));
  await render(t, under(client, h(Probe)));
  assert.deepEqual([seen.now.state, seen.now.progress, seen.now.steps, seen.now.streamingText], [null, 0, [], ""]);
  await draw();
  server.publish(feed.write("progress", { progress: 40, step: "Searching", message: "12 found" }), feed.text("one "));
  await draw();
  const { state, progress, step, steps, streamingText, message, error, result, connection } = seen.now;
  assert.deepEqual({ state, progress, step, streamingText, message, error, result, connection }, { state: "running", progress: 40,
    step: "Searching", streamingText: "one ", message: "12 found", error: null, result: null, connection: "online" }); // prettier-ignore
  assert.deepEqual(steps.map(({ name }) => name), ["Searching"]);
  server.publish(feed.close("completed", { result: { answer: 42 }, progress: 100 }));
  await draw();
  assert.deepEqual([seen.now.state, seen.now.result], ["completed", { answer: 42 }]);
});

test("at most one render a frame, whatever happens in it", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  const feed = server.feed();
  const [Probe, seen] = probe(() => [useJobProgress("j1"), useJobProgress("j1"), useJobs()]);
  await render(t, under(client, h(Probe)));
  await draw();
  await draw();
  const before = seen.renders;
  await act(async () => {
    for (let i = 0; i < 200; i++) server.publish(feed.text("x"));
    server.publishJobs([{ ...feed.job, streamingText: undefined }]);
    client.outbox.command("pause", "j1");
    server.socket.say({ type: "heartbeat", ts: START, degraded: true });
    await settle();
  });
  assert.equal(seen.renders, before);
  await draw();
  assert.equal(seen.renders, before + 1);
  assert.equal(seen.now[0].streamingText.length, 200);
  await draw();
  assert.equal(seen.renders, before + 1);
});

test("callbacks stay the same, and what is given too as long as nothing changes", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  const feed = server.feed();
  const [Probe, seen] = probe(({ jobId = "j1" }) => useJobProgress(jobId));
  const page = await render(t, under(client, h(Probe)));
  await draw();
  const [first] = seen.all;
  const last = seen.now;
  await page.show(under(client, h(Probe, { unrelated: 1 })));
  assert.equal(seen.now, last);
  server.publish(feed.text("one "));
  await draw();
  assert.notEqual(seen.now, last);
  for (const name of ["cancel", "pause", "resume", "retry"]) assert.equal(seen.now[name], first[name]);
  await page.show(under(client, h(Probe, { jobId: "j2" })));
  assert.notEqual(seen.now.cancel, first.cancel);
  assert.equal(seen.now.state, null, "nothing of the job before");
});

test("commands: sent at the attempt on show, answered with the summary", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  const feed = server.feed();
  const [Probe, seen] = probe(() => useJobProgress("j1"));
  await render(t, under(client, h(Probe)));
  await draw();
  for (const [action, state] of [["pause", "paused"], ["resume", "created"], ["cancel", "cancelled"], ["retry", "created"]]) {
    let answer;
    await act(async () => (answer = await seen.now[action]()));
    await draw();
    assert.equal(answer.state, state);
    assert.equal(seen.now.state, state);
  }
  assert.deepEqual(server.socket.frames("command").map(({ action, ifAttempt }) => `${action} ${ifAttempt}`), ["pause 1", "resume 1", "cancel 2", "retry 2"]);
  assert.equal(feed.job.attempt, 3);
});

test("in StrictMode one subscription goes out, and its end when the last view goes", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  server.feed();
  const [Probe, seen] = probe(() => useJobProgress("j1"));
  const page = await render(t, h(StrictMode, null, under(client, h(Probe), h(Probe))));
  await draw();
  assert.equal(seen.now.state, "running");
  assert.deepEqual(server.socket.received.slice(1).map(({ type }) => type), ["subscribe"]);
  await page.end();
  await settle();
  assert.deepEqual(server.socket.received.slice(2).map(({ type }) => type), ["unsubscribe"]);
});

test("a provider without a client makes one, and closes it when it goes; in StrictMode too there is one socket", async (t) => {
  stopTime(t);
  const { server, page: wakeups } = rig();
  const options = { socketUrl: "ws://jobs.example/ws/", token: "t1", WebSocket: server.WebSocket, wakeups };
  const [Probe, seen] = probe(() => useJobProgress(null));
  const page = await render(t, h(StrictMode, null, h(JobsProvider, options, h(Probe))));
  await act(settle);
  assert.equal(seen.now.connection, "online");
  assert.equal(server.sockets.length, 1);
  await page.end();
  await settle();
  assert.equal(server.socket.isOpen, false);
});

test("without a provider: an error that says so", async (t) => {
  t.mock.method(console, "error", () => {});
  await assert.rejects(render(t, h(probe(() => useJobs())[0])), /There is no <JobsProvider> above/);
});

test("the newest jobs, and new ones", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  server.feed();
  t.mock.method(globalThis, "fetch", async (url, { body }) => Response.json(JSON.parse(body), { status: 201 }));
  const [Probe, seen] = probe(() => useJobs());
  await render(t, under(client, h(Probe)));
  assert.equal(seen.now.jobs, null);
  await draw();
  assert.deepEqual(seen.now.jobs.map(({ jobId }) => jobId), ["j1"]);
  let created;
  await act(async () => (created = seen.now.create({ type: "search", query: "why" })));
  assert.equal((await created.done).jobId, created.jobId);
  await draw();
  assert.deepEqual(seen.now.requests.map(({ action, state }) => `${action} ${state}`), ["create applied"]);
});

test("a job that is on its way to the server is not missing", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  let arrive;
  t.mock.method(globalThis, "fetch", () => new Promise((resolve) => (arrive = resolve)));
  const { jobId } = client.outbox.create({ type: "search" });
  const [Probe, seen] = probe(() => useJobProgress(jobId));
  await render(t, under(client, h(Probe)));
  await draw();
  assert.deepEqual([seen.now.state, seen.now.error], ["created", null]);
  server.feed(jobId);
  arrive(Response.json({ jobId }, { status: 201 }));
  await draw();
  await draw();
  assert.equal(seen.now.state, "running");
});

test("what was kept is there with the first render, as of its time", async (t) => {
  stopTime(t);
  const storage = new FakeStorage();
  const before = await connected({ storage, keepFor: "ann" });
  before.server.feed().text("one ");
  before.client.subscribe("j1", () => {});
  await settle();
  before.wake("pagehide");
  before.client.close();
  await advance(60, 1000);
  const { client } = rig({ server: before.server, storage, keepFor: "ann" });
  const [Probe, seen] = probe(() => useJobProgress("j1"));
  await render(t, under(client, h(Probe)));
  assert.deepEqual([seen.all[0].streamingText, seen.all[0].asOf, seen.all[0].connection], ["one ", START, "closed"]);
});

test("a result that is too large for events is read over REST, once", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  const feed = server.feed();
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url) => {
    asked.push(url);
    return Response.json({ jobId: "j1", result: { all: "of it" } });
  });
  const [Probe, seen] = probe(() => useJobProgress("j1"));
  await render(t, under(client, h(Probe)));
  await draw();
  server.publish(feed.close("completed", { more: true }));
  await draw();
  await draw();
  assert.deepEqual(seen.now.result, { all: "of it" });
  assert.deepEqual(asked, ["/api/jobs/j1"]);
});
