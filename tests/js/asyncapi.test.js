/** The description of the socket is what AsyncAPI 3.0 allows, by its official schema, and the package's types are those of the schemas. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import Ajv from "ajv";
import addFormats from "ajv-formats";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const official = createRequire(import.meta.url).resolve("@asyncapi/specs/schemas/3.0.0-without-$id.json");
const document = JSON.parse(execFileSync(`${ROOT}.venv/bin/python`, ["-m", "jobs.schemas.asyncapi"], { cwd: ROOT, encoding: "utf8" }));

const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
addFormats(ajv);
const validate = ajv.compile(JSON.parse(readFileSync(official, "utf8")));

test("it is valid", () => {
  assert.ok(validate(document), JSON.stringify(validate.errors?.slice(0, 5), null, 1));
});

test("the check notices what is not", () => {
  assert.ok(!validate({ ...document, channels: { socket: { address: 5 } } }));
});

test("every reference leads somewhere", () => {
  const seen = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g);
  for (const [, path] of seen) {
    const target = path.split("/").reduce((value, key) => value?.[key], document);
    assert.ok(target, path);
  }
});
