/** My jobs: rows that move, and the form that starts one. */

import { STATES } from "../realtime/elements_words.js";
import { isTerminal } from "../realtime/fold.js";
import { client } from "./page.js";

const READING_WORDS_PER_SECOND = 30;
const list = document.getElementById("job-list");
const form = document.getElementById("new-job");
const errorText = document.getElementById("new-job-error");

for (const row of list.children) {
  if (!isTerminal(row.dataset.state)) client.subscribe(row.dataset.jobId, (job) => job && show(row, job));
}

function show(row, { state, progress }) {
  row.dataset.state = state;
  row.querySelector(".row-state").textContent = STATES[state];
  row.querySelector(".fill").setAttribute("width", progress);
  row.querySelector(".row-bar").setAttribute("aria-valuenow", Math.floor(progress));
}

form.addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const button = form.querySelector("button");
  const { type, query } = Object.fromEntries(new FormData(form));
  button.disabled = true;
  errorText.hidden = true;
  try {
    const input = type === "search" ? { wordsPerSecond: READING_WORDS_PER_SECOND } : {};
    const job = await client.create({ type, query, input });
    location.assign(`/jobs/${encodeURIComponent(job.jobId)}/`);
  } catch (error) {
    errorText.textContent = [error.message, ...Object.values(error.errors ?? {}).flat()].join(" ");
    errorText.hidden = false;
    button.disabled = false;
  }
});
