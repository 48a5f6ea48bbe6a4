import assert from "node:assert/strict";
import { test } from "node:test";

import { SignedOut } from "../../realtime/static/realtime/client.js";
import { settle } from "./fake_server.js";
import { advance, connected, rig, START, stopTime } from "./rig.js";

test("the first frame signs in; the token is in no address", async (t) => {
  stopTime(t);
  const { server, client, states } = await connected({ deviceId: "desktop-17" });
  assert.equal(server.socket.url, "ws://jobs.example/ws/");
  assert.deepEqual(server.socket.received, [{ type: "auth", token: "t1", deviceId: "desktop-17" }]);
  assert.deepEqual(states, ["closed", "connecting", "online"]);
  assert.equal(client.closeReason, null);
});

test("each connection asks for its token", async (t) => {
  stopTime(t);
  let count = 0;
  const { server } = await connected({ getToken: async () => `ticket-${++count}` });
  server.socket.drop();
  await advance(1);
  assert.deepEqual(server.sockets.map((socket) => socket.received[0].token), ["ticket-1", "ticket-2"]);
});

for (const code of [1000, 1001, 1006, 1009, 1012, 4400, 4408, 4413, 4499]) {
  test(`close code ${code}: connect again, at once`, async (t) => {
    stopTime(t);
    const { server, client } = await connected();
    server.socket.drop(code);
    assert.equal(client.connection, "connecting");
    await advance(0.25);
    assert.equal(server.sockets.length, 2);
    assert.equal(client.connection, "online");
  });
}

for (const code of [1013, 4429]) {
  test(`close code ${code} asks for time: connect again, but not at once`, async (t) => {
    stopTime(t);
    const { server, client } = await connected();
    server.socket.drop(code);
    await advance(0.25);
    assert.equal(client.connection, "offline");
    assert.equal(server.sockets.length, 1);
    await advance(0.5);
    assert.equal(client.connection, "online");
  });
}

for (const [code, reason] of [[4500, "refused with code 4500"], [4501, "bad token or origin"], [4503, "user deactivated or session ended"],
  [4509, "binary frame, or first frame not auth"], [4999, "refused with code 4999"]]) { // prettier-ignore
  test(`close code ${code}: stop, and say why`, async (t) => {
    stopTime(t);
    const { server, client, wake } = await connected();
    server.socket.drop(code);
    wake("online");
    await advance(120, 1000);
    assert.equal(server.sockets.length, 1);
    assert.equal(client.connection, "closed");
    assert.equal(client.closeReason, reason);
  });
}

test("an expired sign-in: again with a fresh token; with the same one it is over", async (t) => {
  stopTime(t);
  const tokens = ["t1", "t2", "t2"];
  const { server, client } = await connected({ getToken: () => tokens.shift() });
  server.socket.drop(4401);
  await advance(1);
  assert.equal(client.connection, "online");
  server.socket.drop(4401);
  await advance(30, 1000);
  assert.equal(server.sockets.length, 2);
  assert.equal(client.connection, "closed");
  assert.equal(client.closeReason, "sign-in expired");
});

test("nobody signed in: stop; a token that cannot be had now: try again", async (t) => {
  stopTime(t);
  const answers = [new TypeError("fetch failed"), "t1"];
  const getToken = async () => {
    const answer = answers.shift() ?? new SignedOut("signed out elsewhere");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const { server, client } = await connected({ getToken });
  await advance(1);
  assert.equal(client.connection, "online");
  server.socket.drop();
  await advance(60, 1000);
  assert.equal(client.connection, "closed");
  assert.equal(client.closeReason, "signed out elsewhere");
  assert.equal(server.sockets.length, 1);
});

test("waits grow up to 20 s while the server refuses, and begin anew after a connection that lasted", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  await advance(6);
  server.refusing = 1006;
  server.socket.drop();
  const triedAt = [];
  for (let quarter = 0; quarter < 1200; quarter++) {
    const before = server.sockets.length;
    await advance(0.25, 250);
    if (server.sockets.length > before) triedAt.push(quarter / 4);
  }
  const gaps = triedAt.slice(1).map((at, index) => at - triedAt[index]);
  assert.deepEqual(gaps, gaps.toSorted((a, b) => a - b));
  assert.equal(gaps.at(-1), 20);
  const afterHalfAMinute = gaps[triedAt.findIndex((at) => at >= 30)];
  assert.ok(afterHalfAMinute > 2 && afterHalfAMinute < 9, `${afterHalfAMinute} s`);
  assert.equal(client.connection, "offline");
  server.refusing = null;
  await advance(27);
  assert.equal(client.connection, "online");
  server.socket.drop();
  await advance(0.25);
  assert.equal(client.connection, "online");
});

test("connections that do not last do not count as success: no storm of sockets", async (t) => {
  stopTime(t);
  const { server } = await connected();
  for (let second = 0; second < 60; second++) {
    if (server.socket.isOpen) server.socket.drop(1012);
    await advance(1);
  }
  assert.ok(server.sockets.length < 12, `${server.sockets.length} sockets in a minute`);
});

test("silence of 1.5 heartbeats: the socket is given up, without waiting for its close", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  await advance(20);
  server.socket.say({ type: "heartbeat", ts: START + 20_000, degraded: false });
  await advance(29.5);
  assert.equal(server.sockets.length, 1);
  await advance(0.75);
  assert.equal(server.sockets.length, 2);
  assert.equal(server.sockets[0].isOpen, false);
  assert.equal(client.connection, "online");
});

test("silence is noticed when the clock was set back meanwhile", async (t) => {
  stopTime(t);
  const { server } = await connected();
  const { now } = Date;
  t.mock.method(Date, "now", () => now() - 3600_000);
  await advance(65, 1000);
  assert.ok(server.sockets.length >= 2);
});

test("no welcome within 15 s: try again; so for a token that never comes", async (t) => {
  stopTime(t);
  const { server, client } = rig();
  server.automatic = false;
  client.connect();
  await advance(16);
  assert.equal(server.sockets.length, 2);

  const stuck = rig({ getToken: () => new Promise(() => {}) });
  stuck.client.connect();
  await advance(16);
  assert.equal(stuck.server.sockets.length, 0);
  assert.notEqual(stuck.client.connection, "closed");
});

test("a heartbeat says whether updates come late, and what time it is", async (t) => {
  stopTime(t);
  const { server, client, states } = await connected();
  server.socket.say({ type: "heartbeat", ts: START - 5000, degraded: true });
  assert.equal(client.connection, "degraded");
  assert.equal(client.now(), START - 5000);
  server.socket.say({ type: "heartbeat", ts: START - 5000, degraded: false });
  assert.deepEqual(states.slice(2), ["online", "degraded", "online"]);
});

test("auth_required: a fresh token is handed over in place, tried again while none can be had", async (t) => {
  stopTime(t);
  const answers = ["t1", null, "t2"];
  const getToken = async () => {
    const answer = answers.shift();
    if (answer === null) throw new TypeError("fetch failed");
    return answer;
  };
  const { server, states } = await connected({ getToken });
  server.socket.say({ type: "auth_required", expiresAt: START + 60_000 });
  await advance(6);
  assert.deepEqual(server.socket.frames("auth").map((frame) => frame.token), ["t1", "t2"]);
  assert.equal(server.sockets.length, 1);
  assert.deepEqual(states, ["closed", "connecting", "online"]);
});

test("closed here: nothing is heard or tried any more, until it is opened again", async (t) => {
  stopTime(t);
  const { server, client, wake, states } = await connected();
  client.close();
  assert.equal(server.socket.isOpen, false);
  wake("online");
  await advance(60, 1000);
  assert.equal(server.sockets.length, 1);
  assert.equal(client.closeReason, "closed here");
  client.connect();
  await settle();
  assert.deepEqual(states, ["closed", "connecting", "online", "closed", "connecting", "online"]);
});

test("closed while the token was on its way: no socket", async (t) => {
  stopTime(t);
  let give;
  const { server, client } = await connected({ getToken: () => new Promise((resolve) => (give = resolve)) });
  client.close();
  give("t1");
  await settle();
  assert.equal(server.sockets.length, 0);
});

test("what cannot be read is let pass", async (t) => {
  stopTime(t);
  const { server, client } = await connected();
  for (const text of ["{", "", "null", "7", '"x"', "[]", '{"type":"news"}', "{}"]) server.socket.say(text);
  await settle();
  assert.equal(client.connection, "online");
});

test("no address for a socket: closed, with the reason", async (t) => {
  stopTime(t);
  const { client } = rig({ WebSocket: class { constructor() { throw new SyntaxError("bad address"); } } }); // prettier-ignore
  client.connect();
  await settle();
  assert.equal(client.connection, "closed");
  assert.equal(client.closeReason, "bad address");
});
