/** What every page does: one client for all of its elements, signed in by the session that the page came with. */

import { JobClient, SignedOut } from "../realtime/client.js";
import { useClient } from "../realtime/elements.js";
import { isTerminal } from "../realtime/fold.js";

const { csrfToken, user } = JSON.parse(document.getElementById("page-data").textContent);
const statusBar = document.getElementById("status"); // on a job's own page there is none that follows
const notice = document.getElementById("notice");

/** Return a single-use ticket for the socket: no token that lives longer is ever in a script's hands. */
async function ticket() {
  const response = await fetch("/api/auth/ticket", { method: "POST", headers: { "X-CSRFToken": csrfToken } });
  if (response.status === 401 || response.status === 403) throw new SignedOut("signed out");
  if (!response.ok) throw new Error(`no ticket: ${response.status}`);
  return (await response.json()).ticket;
}

/** The client of this page. */
export const client = new JobClient({ getToken: ticket, apiHeaders: () => ({ "X-CSRFToken": csrfToken }), keepFor: user });

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
