/** The client as a package: what `npm pack` makes of it is installed into an empty project, and used there. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { buildSync } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SOURCE = fileURLToPath(new URL("../../realtime/static/realtime/", import.meta.url));
const NODE_SH = fileURLToPath(new URL("../../.ci/node.sh", import.meta.url)); // npm is not everywhere
const MAX_GZIPPED_BYTES = 12_000;
const UNDER_TYPES = ["react", "@types", "csstype"];

let project;
let packed;

before(() => {
  project = mkdtempSync(join(tmpdir(), "package-"));
  const modules = join(project, "node_modules");
  mkdirSync(modules);
  const [{ filename, files }] = JSON.parse(execFileSync(NODE_SH, ["npm", "pack", "--json", "--pack-destination", project], { cwd: SOURCE, encoding: "utf8" }));
  execFileSync("tar", ["-xzf", join(project, filename), "-C", modules]);
  cpSync(join(modules, "package"), join(modules, "omnibrowser-jobs"), { recursive: true });
  for (const name of UNDER_TYPES) symlinkSync(join(HERE, "node_modules", name), join(modules, name));
  cpSync(join(HERE, "types"), project, { recursive: true });
  packed = files.map(({ path }) => path);
});

after(() => rmSync(project, { recursive: true }));

const { exports } = JSON.parse(readFileSync(join(SOURCE, "package.json")));
const modules = Object.entries(exports).filter(([, target]) => target.types);

test("the package has what its exports name, and nothing that is not part of it", () => {
  const named = Object.values(exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)));
  for (const path of named) assert.ok(packed.includes(path.slice(2)), path);
  assert.deepEqual(packed.filter((path) => !/^[a-z_0-9]+\.(js|d\.ts|css)$|^(package\.json|README\.md)$/.test(path)), []);
});

test("an app that uses all of it compiles strictly", () => {
  const compiler = join(HERE, "node_modules", "typescript", "bin", "tsc");
  try {
    execFileSync(process.execPath, [compiler, "--project", project], { encoding: "utf8" });
  } catch (error) {
    assert.fail(error.stdout);
  }
});

/** The names that a declaration file exports. */
function declared(path) {
  const text = readFileSync(join(SOURCE, path), "utf8");
  const own = [...text.matchAll(/^export (?:declare )?(?:class|function|const) (\w+)/gm)].map(([, name]) => name);
  const passed = [...text.matchAll(/^export \{ ([^}]+) \} from/gm)].flatMap(([, names]) => names.split(", "));
  return [...own, ...passed].sort();
}

for (const [name, { types, default: path }] of modules.filter(([name]) => name !== "./elements")) {
  test(`${name} exports what its types declare`, async () => {
    const script = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(`omnibrowser-jobs${name.slice(1)}`)}))))`;
    const found = JSON.parse(execFileSync(process.execPath, ["--input-type=module", "--eval", script], { cwd: project, encoding: "utf8" }));
    assert.deepEqual(found.sort(), declared(types), path);
  });
}

test("the client has the methods that its types declare", async () => {
  const text = readFileSync(join(SOURCE, "client.d.ts"), "utf8");
  const body = text.slice(text.indexOf("export class JobClient {"));
  const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)(?=[<(:])/gm)].map(([, name]) => name);
  const { JobClient } = await import(pathToFileURL(join(SOURCE, "client.js")));
  const client = new JobClient({ token: "t1" });
  const found = [...Object.getOwnPropertyNames(JobClient.prototype), ...Object.keys(client)];
  assert.deepEqual(found.sort(), members.sort());
});

test("client, fold and store are small", () => {
  const contents = ["client", "fold", "store"].map((name) => `export * from "./${name}.js";`).join("\n");
  const options = { bundle: true, minify: true, format: "esm", target: "es2022", write: false };
  const [{ contents: bundle }] = buildSync({ stdin: { contents, resolveDir: SOURCE }, ...options }).outputFiles;
  const bytes = gzipSync(bundle, { level: 9 }).length;
  assert.ok(bytes < MAX_GZIPPED_BYTES, `${bytes} bytes`);
});
