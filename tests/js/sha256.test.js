import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";

import { sha256 } from "../../realtime/static/realtime/sha256.js";

test("known digests", () => {
  assert.equal(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.equal(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(sha256("a".repeat(1_000_000)), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
});

const same = (text) => assert.equal(sha256(text), createHash("sha256").update(text, "utf8").digest("hex"));

test("text beyond ASCII counts as UTF-8", () => ["é", "日本語", "🎉 und Straße", "a\u0000b", "\uffff"].forEach(same));

test("every length around the edges of a block", () => {
  for (let length = 0; length <= 200; length++) same("x".repeat(length));
});

test("the longest text of a job takes no noticeable time", () => {
  const text = "日本語 and 🎉. ".repeat(12_000);
  const began = performance.now();
  same(text);
  assert.ok(performance.now() - began < 500);
});
