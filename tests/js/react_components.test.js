import assert from "node:assert/strict";
import { test } from "node:test";

import { act, createElement as h, drawn, jobs, render, under } from "./react_page.js";
import { advance, stopTime } from "./rig.js";

const { StatusBar, TaskActivityPanel } = jobs;

test("the panel shows steps, text, log, error and result, and what may be done", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  const feed = server.feed();
  const page = await render(t, under(client, h(TaskActivityPanel, { jobId: "j1" })));
  await draw();
  const long = `${"x".repeat(4095)}🙂${"y".repeat(5000)}`;
  server.publish(feed.write("progress", { progress: 40, step: "Searching" }), feed.text(long), feed.write("log", { level: "warning", message: "Slow." }));
  server.socket.say({ type: "status", topic: "job:j1", worker: "alive", quietSeconds: 31.4, usualSeconds: 6, queuePosition: null, eta: null });
  await draw();
  assert.equal(page.text(".job-quiet"), "Quiet for 31 s.");
  assert.equal(page.text(".job-title"), "why");
  assert.equal(page.find(".task-activity-panel").dataset.state, "running");
  assert.equal(page.text(".job-text"), long);
  assert.ok([...page.find(".job-text").childNodes].every(({ data }) => data.isWellFormed?.() ?? true));
  assert.deepEqual([page.text(".job-step"), page.text(".job-log li"), page.text(".job-percent")], ["Searching", "Slow.", "40 %"]);
  assert.equal(page.find(".job-step").getAttribute("aria-current"), "step");
  assert.deepEqual([...page.container.querySelectorAll("button")].map(({ textContent }) => textContent), ["Pause", "Cancel"]);

  const press = (name) => act(async () => page.find(`.job-${name}`).click());
  await press("cancel");
  assert.equal(page.text(".job-cancel"), "Really cancel?");
  assert.equal(feed.job.state, "running");
  await act(async () => advance(5));
  assert.equal(page.text(".job-cancel"), "Cancel");
  await press("cancel");
  await press("cancel");
  await draw();
  assert.equal(page.text(".job-state"), "Cancelled");
  await press("retry");
  await draw();
  server.publish(feed.write("state", { state: "running" }));
  server.publish(feed.close("failed", { error: { code: "no_source", message: "There is no source." } }));
  await draw();
  assert.equal(page.text(".job-error"), "There is no source.");
});

test("a command that waits for the connection says so; one that is refused says why", async (t) => {
  stopTime(t);
  const { server, client, draw, wake } = await drawn();
  const feed = server.feed();
  const page = await render(t, under(client, h(StatusBar), h(TaskActivityPanel, { jobId: "j1" })));
  await draw();
  server.refusing = 1006;
  server.socket.drop();
  await act(() => advance(1));
  await act(async () => page.find(".job-pause").click());
  await draw();
  assert.equal(page.text(".job-note"), "Pause: it waits for the connection.");
  assert.equal(page.text(".job-waiting"), "1 waiting to be sent");
  assert.equal(page.find(".job-status-bar").dataset.connection, "offline");
  assert.match(page.text(".job-connection"), /^Offline, shown as of /);
  feed.requeue(0);
  server.refusing = null;
  await act(async () => wake("online"));
  await draw();
  assert.equal(page.text(".job-note"), "Pause: The job is at attempt 2.");
});

test("the bar shows the newest job that is not finished, and how many more there are", async (t) => {
  stopTime(t);
  const { server, client, draw } = await drawn();
  for (const [index, state] of ["running", "running", "completed"].entries()) {
    const feed = server.feed(`j${index}`);
    feed.job.createdAt = `2025-11-21T10:00:0${index}.000Z`;
    feed.job.query = `question ${index}`;
    if (state === "completed") feed.close(state);
  }
  const page = await render(t, under(client, h(StatusBar, { href: (jobId) => `/jobs/${jobId}/` })));
  assert.equal(page.text(".job-headline"), "No job yet");
  await draw();
  assert.deepEqual([page.text(".job-connection"), page.text(".job-title"), page.text(".job-more")], ["Live", "question 1", "and 1 more"]);
  assert.equal(page.find(".job-title").getAttribute("href"), "/jobs/j1/");
});
