import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { settle } from "./fake_server.js";
import { advance, connected, START, stopTime } from "./rig.js";

test("waking up while connected: the socket is probed, and given up when it is silent for 5 s", async (t) => {
  for (const type of ["online", "offline", "visibilitychange", "pageshow"]) {
    mock.timers.enable({ apis: ["setTimeout", "Date"], now: START });
    const { server, wake } = await connected();
    await advance(10);
    wake(type);
    assert.equal(server.socket.frames("ping").length, 1, type);
    await advance(6);
    assert.equal(server.sockets.length, 1, `${type}: the pong keeps it`);
    server.automatic = false;
    wake(type);
    await advance(6);
    assert.equal(server.sockets.length, 2, `${type}: silence ends it`);
    mock.timers.reset();
  }
});

test("what was on its way when the network went does not pass for an answer to the probe", async (t) => {
  stopTime(t);
  const { server, wake } = await connected();
  server.automatic = false;
  wake("offline");
  await advance(1);
  server.socket.say({ type: "heartbeat", ts: Date.now(), degraded: false });
  await advance(6);
  assert.equal(server.sockets.length, 2);
});

test("waking up while waiting: the next try comes at once, except when the network went away", async (t) => {
  for (const [type, tries] of [["online", 1], ["visibilitychange", 1], ["pageshow", 1], ["offline", 0]]) {
    mock.timers.enable({ apis: ["setTimeout", "Date"], now: START });
    const { server, wake } = await connected();
    server.refusing = 1006;
    server.socket.drop();
    await advance(60, 1000);
    const before = server.sockets.length;
    server.refusing = null;
    wake(type);
    await settle();
    assert.equal(server.sockets.length - before, tries, type);
    mock.timers.reset();
  }
});

test("a page that is hidden wakes nothing", async (t) => {
  stopTime(t);
  globalThis.document = { visibilityState: "hidden", hidden: true };
  t.after(() => delete globalThis.document);
  const { server, wake } = await connected();
  wake("visibilitychange");
  assert.equal(server.socket.frames("ping").length, 0);
});
