/** The list of jobs: rows that move, and counts that are of now. Rows come over the socket; what it does not tell is asked for. */

import { sessionClient } from "../session.js";

const ASK_EVERY_MS = 5000;
const { liveUrl } = JSON.parse(document.getElementById("page-data").textContent);
const rows = new Map([...document.querySelectorAll("#result_list [data-job-id]")].map((title) => [title.dataset.jobId, rowOf(title)]));
const tiles = new Map([...document.querySelectorAll("[data-count]")].map((tile) => [tile.dataset.count, tile]));
const typeRows = document.getElementById("job-type-counts");
const news = document.getElementById("job-news");
const newest = [...rows.keys()][0];
const isFirstPage = !location.search;

const client = sessionClient({ keeps: false }); // what staff looked at stays in no browser
client.jobs(take, { all: true });
client.onConnection((connection) => document.body.setAttribute("data-connection", connection));
client.connect();
setInterval(() => document.hidden || ask(), ASK_EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || ask());

function rowOf(title) {
  const row = title.closest("tr");
  const find = (name) => row.querySelector(name);
  return {
    row,
    state: find(".job-state"), progress: find(".job-progress"), fill: find(".job-bar-fill"),
    percent: find(".job-percent"), step: find(".job-step"), attempt: find(".job-attempt"),
  }; // prettier-ignore
}

/** Take what the socket says of all jobs: the newest, and those that change. */
function take(jobs) {
  if (!jobs) return;
  for (const job of jobs) if (rows.has(job.jobId)) show(rows.get(job.jobId), job);
  if (!isFirstPage || !news) return;
  const fresh = jobs.filter(({ jobId, createdAt }) => !rows.has(jobId) && isNewer(jobId, createdAt)).length;
  news.hidden = fresh === 0;
  news.querySelector("a").textContent = fresh === 1 ? "1 new job: show it" : `${fresh} new jobs: show them`;
}

function isNewer(jobId, createdAt) {
  const time = newest && rows.get(newest).row.querySelector("time")?.dateTime;
  return !time || createdAt > time || (createdAt === time && jobId > newest);
}

function show(view, { state, progress, step, attempt }) {
  const percent = Math.floor(progress);
  set(view.state, "data-state", state);
  say(view.state, state[0].toUpperCase() + state.slice(1));
  set(view.progress, "data-state", state);
  set(view.fill, "width", percent);
  say(view.percent, `${percent} %`);
  say(view.step, state === "running" ? (step ?? "") : "");
  say(view.attempt, String(attempt));
}

/** Ask for the counts, and for the rows that the socket may not speak of: it begins with the newest jobs. */
async function ask() {
  const query = new URLSearchParams([...rows.keys()].map((jobId) => ["id", jobId]));
  const response = await fetch(`${liveUrl}?${query}`, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!response?.ok) return; // asked again in a moment
  const { counts, jobs } = await response.json();
  for (const { state, words } of counts.states) say(tiles.get(state), words);
  typeRows?.replaceChildren(...counts.types.map(typeRow));
  for (const job of jobs) show(rows.get(job.jobId), job);
  const left = new Set(jobs.map(({ jobId }) => jobId));
  for (const [jobId, { row }] of rows) row.classList.toggle("job-gone", !left.has(jobId));
}

function typeRow({ type, ...numbers }) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = type;
  const cells = [...tiles.keys()].map((state) => {
    const cell = document.createElement("td");
    cell.className = "number";
    cell.textContent = numbers[state];
    return cell;
  });
  row.append(head, ...cells);
  return row;
}

function say(element, words) {
  if (element && element.textContent !== words) element.textContent = words;
}

function set(element, name, value) {
  if (element && element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}
