import assert from "node:assert/strict";
import test from "node:test";

import { attempts, scale, stretches } from "../../realtime/static/realtime/timeline.js";

const at = (second) => new Date(second * 1000).toISOString();
const change = (second, target, attempt = 1, reason = null, actor = null) => ({ at: at(second), target, attempt, reason, actor });
const KILLED = [
  change(0, "created"),
  change(1, "running"),
  change(5, "created", 2, "worker_lost"),
  change(6, "running", 2),
  change(9, "completed", 2),
];

test("a life is its stretches, and each says what ended it", () => {
  const life = stretches(KILLED, 99_000);

  assert.deepEqual(
    life.map(({ kind, attempt, from, to, end }) => [kind, attempt, from / 1000, to / 1000, end]),
    [
      ["waiting", 1, 0, 1, "running"],
      ["running", 1, 1, 5, "worker_lost"],
      ["waiting", 2, 5, 6, "running"],
      ["running", 2, 6, 9, "completed"],
    ],
  );
});

test("the stretch that goes on ends now, and never before it began", () => {
  const [, running] = stretches(KILLED.slice(0, 2), 3500);
  assert.deepEqual([running.to, running.end], [3500, null]);
  assert.equal(stretches(KILLED.slice(0, 2), 10)[1].to, 1000);
});

test("a pause is a stretch, and knows who ended the run before it", () => {
  const life = stretches([change(0, "created"), change(1, "running"), change(2, "paused", 1, "user", "ann"), change(9, "created", 2, "resume")], 9_000);

  assert.deepEqual(
    life.map(({ kind, end, actor }) => [kind, end, actor]),
    [
      ["waiting", "running", null],
      ["running", "paused", "ann"],
      ["paused", "resume", null],
      ["waiting", null, null],
    ],
  );
});

test("the attempts that ran are told with their waits", () => {
  assert.deepEqual(attempts(stretches(KILLED, 99_000)), [
    { attempt: 1, waited: 1000, ran: 4000, end: "worker_lost", actor: null },
    { attempt: 2, waited: 1000, ran: 3000, end: "completed", actor: null },
  ]);
});

test("a long wait takes no more than a fifth of what the job ran", () => {
  const life = stretches([change(0, "created"), change(3600, "running"), change(3610, "completed")], 9_999_000);
  const { place, isCut } = scale(life);

  assert.deepEqual(isCut, [true, false]);
  assert.equal(place(3600_000), 2 / 12);
  assert.equal(place(3610_000), 1);
  assert.equal(place(3605_000), 7 / 12);
  assert.equal(place(-5), 0);
});

test("a life of no time is drawn all the same", () => {
  const { place } = scale(stretches([change(0, "created"), change(0, "running")], 0));
  assert.ok(place(0) >= 0 && place(0) <= 1);
});
