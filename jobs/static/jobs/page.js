/** What every page does: one client for all of its elements, signed in by the session that the page came with. */

import { useClient } from "../realtime/elements.js";
import { isTerminal } from "../realtime/fold.js";
import { sessionClient } from "./session.js";

const statusBar = document.getElementById("status"); // on a job's own page there is none that follows
const notice = document.getElementById("notice");

/** The client of this page. */
export const client = sessionClient({ keeps: true });

/** The address of a job's page. */
export const pageOf = (jobId) => `/jobs/${encodeURIComponent(jobId)}/`;

useClient(client);
client.connect();
client.onConnection((connection) => {
  notice.hidden = connection !== "closed";
  if (connection === "closed") tellOfTheEnd();
});
if (statusBar) client.jobs((jobs) => jobs && follow(jobs.find(({ state }) => !isTerminal(state)) ?? jobs[0]));
document.getElementById("sign-out").addEventListener("submit", () => client.forget());

/** Have the status bar follow a job, if there is any. */
function follow(job) {
  if (!job || statusBar.getAttribute("job-id") === job.jobId) return;
  statusBar.setAttribute("href", pageOf(job.jobId));
  statusBar.setAttribute("job-id", job.jobId);
}

function tellOfTheEnd() {
  const link = document.createElement("a");
  link.href = `/sign-in/?next=${encodeURIComponent(location.pathname)}`;
  link.textContent = "Sign in again";
  notice.replaceChildren(`This page is no longer live: ${client.closeReason}. `, link);
}
