/** Whatever the network does to the frames, in the end the client has the job as it is; and never one that has not been. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { settle } from "./fake_server.js";
import { advance, connected, seeded, stopTime, watch } from "./rig.js";

const SCHEDULES = Number(process.env.SCHEDULES ?? 150);
const WORDS = ["one ", "two\n", "drei ", "четыре ", "五", "🙂", "e\u0301", ""];

/** Something happens to the job; nothing any more once it is closed for good. */
function happen(feed, random) {
  const pick = random();
  const { state, streamingText } = feed.job;
  if (state === "completed") return;
  if (pick < 0.7) feed.text(WORDS[Math.floor(random() * WORDS.length)]);
  else if (pick < 0.8) feed.write("progress", { progress: Math.floor(random() * 100), step: `step ${Math.floor(random() * 5)}` });
  else if (pick < 0.9) feed.write("log", { level: "info", message: "a line" });
  else if (pick < 0.92) feed.close("completed");
  else if (pick < 0.95) {
    feed.close("paused");
    reopen(feed, streamingText.length);
  } else {
    const keep = Math.floor(random() * (streamingText.length + 1));
    reopen(feed, (streamingText.charCodeAt(keep - 1) & 0xfc00) === 0xd800 ? keep - 1 : keep);
  }
}

function reopen(feed, keepText) {
  feed.requeue(keepText);
  feed.write("state", { state: "running" });
}

/** A network that loses, doubles, holds back, spoils and cuts. `spoils`: whether it changes texts. */
function badNetwork(random, spoils) {
  let held = [];
  return (frame, socket) => {
    if (frame.type === "welcome" || frame.type === "error") return [frame];
    const pick = random();
    const late = held.filter((entry) => entry.socket === socket).map((entry) => entry.frame);
    held = held.filter((entry) => entry.socket !== socket);
    if (frame.type !== "events") return pick < 0.1 ? [...late, frame, frame] : [...late, frame];
    if (pick < 0.15) return late;
    if (pick < 0.3) return [frame, frame, ...late];
    if (pick < 0.4) held.push({ frame, socket });
    else if (pick < 0.5) queueMicrotask(() => socket.isOpen && socket.drop());
    else if (pick < 0.6 && spoils) return [spoil(frame, random)];
    else return [...late, frame];
    return [];
  };
}

function spoil(frame, random) {
  const events = structuredClone(frame.events);
  for (const { type, data } of events) if (type === "text") random() < 0.5 ? (data.offset += 1) : (data.text = data.text.toUpperCase());
  return { ...frame, events };
}

async function run(t, seed) {
  stopTime(t);
  const random = seeded(seed);
  const spoils = seed % 3 === 0;
  const { server, client } = await connected({ random });
  const feed = server.feed();
  feed.logLength = 5 + Math.floor(random() * 60);
  const was = new Map([[feed.job.position, feed.job]]);
  const seen = watch(client);
  server.wire = badNetwork(random, spoils);
  for (let turn = 0; turn < 80; turn++) {
    const from = feed.events.length;
    happen(feed, random);
    was.set(feed.job.position, feed.job);
    for (const event of feed.events.slice(from)) if (random() < 0.9) server.publish(event);
    if (random() < 0.3) await advance(random() * 3);
    else await settle();
  }
  if (feed.job.state !== "completed") feed.close("completed");
  server.wire = (frame) => [frame];
  server.publish(feed.events.at(-1));
  server.socket.drop();
  await advance(60, 1000);
  assert.deepEqual(seen.job, feed.job);
  if (!spoils) for (const { job } of seen.told) if (was.has(job?.position)) assert.deepEqual(job, was.get(job.position));
  return seen.told.length;
}

for (let seed = 1; seed <= SCHEDULES; seed++) {
  test(`schedule ${seed}`, async (t) => assert.ok((await run(t, seed)) > 5));
}
