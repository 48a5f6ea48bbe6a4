/** The page of a job in the admin: the same panel as on the job's own page, live. What stands below it is told to be of before. */

import { useClient } from "../../realtime/elements.js";
import { sessionClient } from "../session.js";

const panel = document.querySelector("task-activity-panel");
const badge = document.querySelector(".job-heading .job-state");
const notice = document.getElementById("job-changed");
const client = sessionClient({ keeps: false }); // what staff looked at stays in no browser

useClient(client);
client.connect();
client.subscribe(panel.getAttribute("job-id"), (job) => {
  if (!job) return;
  badge.dataset.state = job.state;
  badge.textContent = job.state[0].toUpperCase() + job.state.slice(1);
  notice.hidden = job.state === notice.dataset.ofState && String(job.attempt) === notice.dataset.ofAttempt;
});
