/** The page of a shared job: signed in by the token in the fragment of its address. */

import { JobClient } from "../realtime/client.js";
import { useClient } from "../realtime/elements.js";
import { titleWords } from "../realtime/elements_words.js";

const panel = document.querySelector("task-activity-panel");
const title = panel.querySelector("h1");
const notice = document.getElementById("notice");
const client = new JobClient({ token: location.hash.slice(1) });

useClient(client);
client.onConnection((connection) => {
  notice.hidden = connection !== "closed";
  if (connection === "closed") notice.textContent = "This link is not good any more: ask whoever gave it to you for another.";
});
client.connect();
client.subscribe(panel.getAttribute("job-id"), (job) => {
  if (job) document.title = title.textContent = titleWords(job);
});
addEventListener("hashchange", () => location.reload());
