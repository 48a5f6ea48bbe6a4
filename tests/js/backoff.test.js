import assert from "node:assert/strict";
import test from "node:test";

import { Backoff } from "../../realtime/static/realtime/backoff.js";
import { seeded } from "./rig.js";

const take = (backoff, count) => Array.from({ length: count }, () => backoff.next());

test("the first try comes at once, later ones between a quarter second and a ceiling that doubles up to 20 s", () => {
  assert.deepEqual(take(new Backoff({ random: () => 1 }), 10), [0, 0.5, 1, 2, 4, 8, 16, 20, 20, 20]);
  assert.deepEqual(take(new Backoff({ random: () => 0 }), 4), [0, 0.25, 0.25, 0.25]);
});

test("the waits are spread over the whole range", () => {
  const waits = Array.from({ length: 500 }, (_, seed) => take(new Backoff({ random: seeded(seed) }), 8).at(-1));
  assert.ok(Math.min(...waits) < 2 && Math.max(...waits) > 18, `${Math.min(...waits)} to ${Math.max(...waits)}`);
  assert.deepEqual(take(new Backoff({ random: seeded(7) }), 9), take(new Backoff({ random: seeded(7) }), 9));
});

test("after a thousand tries the ceiling still holds", () => {
  assert.equal(take(new Backoff({ random: () => 1 }), 2000).at(-1), 20);
});

test("what has worked begins anew; a server that asks for time is not tried at once", () => {
  const backoff = new Backoff({ minSeconds: 1, maxSeconds: 30, random: () => 1 });
  assert.deepEqual(take(backoff, 3), [0, 2, 4]);
  backoff.reset();
  assert.equal(backoff.next(), 0);
  backoff.reset();
  backoff.skipFirst();
  assert.equal(backoff.next(), 2);
  backoff.skipFirst();
  assert.equal(backoff.next(), 4);
});

test("a try that weighs less lets the ceiling grow more slowly", () => {
  const backoff = new Backoff({ minSeconds: 1, random: () => 1 });
  const waits = Array.from({ length: 5 }, () => backoff.next(0.5));
  assert.deepEqual(waits.map((wait) => Number(wait.toFixed(2))), [0, 1.41, 2, 2.83, 4]);
});
