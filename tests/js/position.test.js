import assert from "node:assert/strict";
import test from "node:test";

import { compare, judge, parse } from "../../realtime/static/realtime/position.js";
import { CLOSED } from "../../realtime/static/realtime/protocol.js";

test("a position is read", () => {
  assert.deepEqual(parse("2-57"), { attempt: 2, seq: 57 });
  assert.deepEqual(parse("0-0"), { attempt: 0, seq: 0 });
  assert.deepEqual(parse(`1-${CLOSED}`), { attempt: 1, seq: CLOSED });
});

for (const bad of ["", "1", "1-", "-1", "1-2-3", "01-2", "1-02", "1-2\n", " 1-2", "+1-2", "1-2.0", "1-9007199254740992", "9007199254740993-1",
  "1-10000000000000000", "１-2", 12, null, undefined, {}]) { // prettier-ignore
  test(`no position: ${JSON.stringify(bad)}`, () => assert.throws(() => parse(bad), RangeError));
}

test("positions are ordered by attempt, then seq, as numbers", () => {
  const sorted = ["10-0", "2-10", `1-${CLOSED}`, "2-9", "1-0"].map(parse).sort(compare);
  assert.deepEqual(sorted.map(({ attempt, seq }) => `${attempt}-${seq}`), ["1-0", `1-${CLOSED}`, "2-9", "2-10", "10-0"]);
  assert.equal(compare(parse("3-4"), parse("3-4")), 0);
});

const event = (position, data = {}) => ({ ...parse(position), data });
for (const [have, at, data, verdict] of [
  ["1-4", "1-5", {}, "follows"],
  ["1-4", "1-4", {}, "old"],
  ["1-4", "1-6", {}, "gap"],
  ["2-0", `1-${CLOSED}`, { lastSeq: 9 }, "old"],
  ["1-4", "2-0", { keepSeq: 4 }, "follows"],
  ["1-4", "2-0", { keepSeq: 5 }, "gap"],
  ["1-4", "3-0", { keepSeq: 0 }, "gap"],
  ["1-4", "2-1", {}, "gap"],
  ["1-4", `1-${CLOSED}`, { lastSeq: 4 }, "follows"],
  ["1-4", `1-${CLOSED}`, { lastSeq: 5 }, "gap"],
  [`1-${CLOSED}`, "2-0", { keepSeq: 80 }, "follows"],
  ["0-0", "1-0", { keepSeq: 7 }, "follows"],
]) {
  test(`at ${have}, ${at} with ${JSON.stringify(data)}: ${verdict}`, () => assert.equal(judge(parse(have), event(at, data)), verdict));
}
