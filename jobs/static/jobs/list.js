/** My jobs: rows that move, and the form that starts one. */

import { dayWords, percent, STATES, titleWords } from "../realtime/elements_words.js";
import { newJobId } from "../realtime/job_id.js";
import { client, pageOf } from "./page.js";

const READING_WORDS_PER_SECOND = 30;
const list = document.getElementById("job-list");
const empty = document.getElementById("no-jobs");
const template = document.getElementById("row");
const form = document.getElementById("new-job");
const button = form.querySelector("button");
const errorText = document.getElementById("new-job-error");

for (const time of list.querySelectorAll("time")) time.textContent = dayWords(time.dateTime); // in the reader's time zone
const states = list.dataset.stateFilter ? list.dataset.stateFilter.split(",") : null;
const words = list.dataset.search.toLowerCase().split(/\s+/).filter(Boolean);
const isWhole = !states && words.length === 0 && !("older" in list.dataset);
client.jobs((jobs, { requests }) => jobs && (isWhole ? showAll([...unsent(requests), ...jobs]) : showIn(jobs)));

/** The jobs that wait in the outbox to be created, as if they were there. */
function unsent(requests) {
  const waiting = requests.filter(({ action, state }) => action === "create" && (state === "pending" || state === "sent"));
  return waiting.reverse().map(({ jobId, body, givenAt }) => ({ ...body, jobId, state: "unsent", progress: 0, createdAt: givenAt }));
}

/** Where the list is narrowed, or an older page: rows that are there move, and new ones that match come on top of the first page. */
function showIn(jobs) {
  const rows = new Map([...list.children].map((row) => [row.dataset.jobId, row]));
  const newest = list.firstElementChild?.querySelector("time").dateTime ?? "";
  for (const job of jobs.toReversed()) {
    const row = rows.get(job.jobId);
    if (row) show(row, job);
    else if (!("older" in list.dataset) && matches(job) && Date.parse(job.createdAt) > (Date.parse(newest) || 0)) {
      list.prepend(newRow(job));
      show(list.firstElementChild, job);
      empty.hidden = true;
    }
  }
}

const matches = ({ state, type, query, jobId }) =>
  (!states || states.includes(state)) && words.every((word) => `${query ?? ""} ${type} ${jobId}`.toLowerCase().includes(word));

function showAll(jobs) {
  const rows = new Map([...list.children].map((row) => [row.dataset.jobId, row]));
  const wanted = new Map(jobs.map((job) => [job.jobId, job]));
  for (const [jobId, row] of rows) if (!wanted.has(jobId)) row.remove();
  let next = list.firstElementChild;
  for (const job of wanted.values()) {
    const row = rows.get(job.jobId) ?? newRow(job);
    if (row === next) next = next.nextElementSibling;
    else list.insertBefore(row, next);
    show(row, job);
  }
  empty.hidden = jobs.length > 0;
}

function newRow(job) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.jobId = job.jobId;
  row.querySelector(".row-title").textContent = titleWords(job);
  row.querySelector(".row-type").textContent = job.type;
  const time = row.querySelector("time");
  time.dateTime = new Date(job.createdAt).toISOString();
  time.textContent = dayWords(job.createdAt);
  return row;
}

function show(row, { jobId, state, step, progress }) {
  const isNew = row.dataset.state !== state;
  row.dataset.state = state;
  if (isNew && state !== "unsent") row.firstElementChild.href = pageOf(jobId);
  const words = state === "running" ? `${step ?? STATES.running} ${percent(progress)}` : (STATES[state] ?? "Not sent yet");
  const stateText = row.querySelector(".row-state");
  if (stateText.textContent !== words) stateText.textContent = words;
  row.querySelector(".fill").setAttribute("width", progress);
  row.querySelector(".row-bar").setAttribute("aria-valuenow", Math.floor(progress));
}

button.disabled = false; // without this script there is nothing to send the form to
const { query, type } = form.elements;
const askForQuestion = () => (query.required = type.value === "search"); // what others make of none is theirs to say
type.addEventListener("change", askForQuestion);
askForQuestion();
form.addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const asked = Object.fromEntries(new FormData(form));
  const input = asked.type === "search" ? { wordsPerSecond: READING_WORDS_PER_SECOND } : {};
  errorText.hidden = true;
  button.disabled = true;
  await create({ jobId: newJobId(), ...asked, input });
  button.disabled = false;
});

/** Create a job and go to its page; without a connection it waits in the list. */
async function create(job) {
  try {
    if (client.connection === "offline") throw new TypeError("no connection");
    await client.create(job);
    location.assign(pageOf(job.jobId));
  } catch (error) {
    if (error instanceof TypeError) putAside(job);
    else complain(error);
  }
}

function putAside(job) {
  client.outbox.create(job); // with the same id, so that it is one job, should it have arrived after all
  query.value = "";
}

function complain({ message, errors }) {
  errorText.textContent = [message, ...Object.values(errors ?? {}).flat()].join(" ");
  errorText.hidden = false;
}
