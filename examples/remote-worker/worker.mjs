// A complete worker for jobs of type `words`, or of another TYPE, in plain Node 18 or newer, without packages:
//   SERVER=http://localhost:3000 WORKER_TOKEN=worker_… node worker.mjs

import { randomUUID } from "node:crypto";

import { Api } from "./api.mjs";
import { Run, Stopped } from "./run.mjs";

const { SERVER = "http://localhost:3000", WORKER_TOKEN, TYPE = "words", CONCURRENCY = "4" } = process.env;
const WAIT_SECONDS = 20;

/** Say how long each word of the query is. Interrupted after any word, another worker goes on with the next one. */
async function words(run) {
  const all = run.query.split(/\s+/).filter(Boolean);
  run.progress({ step: "Counting" });
  for (let index = run.checkpointData?.next ?? 0; index < all.length; index += 1) {
    await new Promise((resolve) => setTimeout(resolve, (run.input.secondsPerWord ?? 0) * 1000));
    run.write(`${all[index]}: ${[...all[index]].length}\n`);
    run.progress({ progress: (100 * (index + 1)) / all.length });
    await run.checkpoint({ next: index + 1 });
  }
  return { words: all.length };
}

const HANDLERS = { [TYPE]: words };

const api = new Api(SERVER, WORKER_TOKEN);
const runs = new Set();
const ending = new AbortController();

async function execute(run, handler) {
  try {
    const result = await handler(run);
    await run.complete(result);
    console.log(`${run.jobId} attempt ${run.attempt}: completed`);
  } catch (error) {
    await conclude(run, error);
  } finally {
    run.drop();
    runs.delete(run);
  }
}

async function conclude(run, error) {
  try {
    if (!(error instanceof Stopped)) await run.fail("handler_error", String(error.message ?? error), { retry: true });
    else if (run.stopped === "interrupted") await run.release();
    console.log(`${run.jobId} attempt ${run.attempt}: ${error instanceof Stopped ? `stopped, ${run.stopped}` : error}`);
  } catch (second) {
    console.log(`${run.jobId} attempt ${run.attempt}: ${second.message}`); // the lease ends by itself
  }
}

/** Hold the jobs: a third of a lease apart. Who could not for two thirds of a lease has to let go: somebody else may begin then. */
async function keepLeases(leaseMs) {
  let renewedAt = Date.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, leaseMs / 3));
    const held = [...runs];
    if (held.length === 0) {
      renewedAt = Date.now();
      continue;
    }
    const begunAt = Date.now();
    try {
      const timeout = AbortSignal.timeout(Math.round(leaseMs / 3));
      const jobs = held.map(({ jobId, attempt }) => ({ jobId, attempt }));
      const { stop } = await api.call("heartbeat", { jobs }, { signal: timeout });
      for (const { jobId, reason } of stop) held.find((run) => run.jobId === jobId)?.stop(reason);
      renewedAt = begunAt;
    } catch (error) {
      console.log(`no heartbeat: ${error.message}`);
      if (Date.now() - renewedAt > (leaseMs * 2) / 3) for (const run of held) run.stop("lease_lost");
    }
  }
}

let keeping = false;
let claimId = randomUUID(); // the same until it is answered: an answer that got lost is given again

async function claimOnce() {
  const limit = Number(CONCURRENCY) - runs.size;
  if (limit === 0) return void (await new Promise((resolve) => setTimeout(resolve, 100)));
  const body = { types: Object.keys(HANDLERS), limit, waitSeconds: WAIT_SECONDS, claimId };
  const { jobs, leaseSeconds } = await api.call("claim", body, { signal: ending.signal });
  claimId = randomUUID();
  if (!keeping) keepLeases(leaseSeconds * 1000);
  keeping = true;
  for (const job of jobs) {
    const run = new Run(job, api);
    runs.add(run);
    execute(run, HANDLERS[job.type]);
  }
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    ending.abort();
    for (const run of runs) run.stop("interrupted");
  });
}

console.log(`takes jobs of ${Object.keys(HANDLERS)} from ${SERVER}`);
while (!ending.signal.aborted) {
  try {
    await claimOnce();
  } catch (error) {
    if (error.status === 401 || error.status === 403) {
      console.error(error.message);
      process.exit(1);
    }
    if (!ending.signal.aborted) console.log(`no jobs for now: ${error.message}`);
  }
}
while (runs.size > 0) await new Promise((resolve) => setTimeout(resolve, 50));
process.exit(0);
