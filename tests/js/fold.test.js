import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { Damaged, fold } from "../../realtime/static/realtime/fold.js";
import { judge, parse } from "../../realtime/static/realtime/position.js";

const { cases } = JSON.parse(readFileSync(new URL("../fold_cases.json", import.meta.url)));

function freeze(value) {
  if (value && typeof value === "object") Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}

for (const { name, job: before, events, expect, verdicts, error } of cases) {
  test(`fold: ${name}`, () => {
    let job = freeze(before); // that nothing is changed in place shows as a TypeError
    const found = [];
    try {
      for (const event of freeze(events)) {
        found.push(judge(parse(job.position), event));
        if (found.at(-1) === "follows") job = freeze(fold(job, event));
      }
      assert.equal(error, undefined);
      assert.deepEqual(job, expect);
    } catch (thrown) {
      if (!(thrown instanceof Damaged)) throw thrown;
      assert.equal(error, "damaged");
    }
    assert.deepEqual(found, verdicts);
  });
}

test("what no event carries stays", () => {
  const text = { type: "text", attempt: 1, seq: 2, ts: 1763740000123, data: { offset: 0, text: "a" } };
  const job = fold({ jobId: "j1", query: "why", owner: "ann", position: "1-1", attempt: 1, streamingText: "" }, text);
  assert.equal(job.query, "why");
  assert.equal(job.owner, "ann");
});
