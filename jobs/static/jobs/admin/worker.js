/** The page of a worker: the jobs that it runs move over the socket; which they are is asked for with the page's part. */

import { sessionClient } from "../session.js";
import { rowsBelow, show } from "./rows.js";

const part = document.getElementById("live");
let rows = rowsBelow(part);

const client = sessionClient({ keeps: false }); // what staff looked at stays in no browser
client.jobs(take, { all: true });
client.onConnection((connection) => document.body.setAttribute("data-connection", connection));
client.connect();
document.addEventListener("freshened", () => (rows = new Map([...rowsBelow(part)].map(([jobId, view]) => [jobId, known(jobId, view)]))));

/** Return the row that is known already, which knows how new it is. */
const known = (jobId, view) => (rows.get(jobId)?.row === view.row ? rows.get(jobId) : view);

function take(jobs) {
  for (const job of jobs ?? []) if (rows.has(job.jobId)) show(rows.get(job.jobId), job);
}
