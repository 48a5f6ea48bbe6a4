/** The list of jobs: rows that move, and counts that are of now. Rows come over the socket; what it does not tell is asked for. */

import { sessionClient } from "../session.js";
import { rowsBelow, say, show } from "./rows.js";

const ASK_EVERY_MS = 5000;
const { liveUrl } = JSON.parse(document.getElementById("page-data").textContent);
const rows = rowsBelow(document.getElementById("changelist"));
const tiles = new Map([...document.querySelectorAll("[data-count]")].map((tile) => [tile.dataset.count, tile]));
const typeRows = document.getElementById("job-type-counts");
const news = document.getElementById("job-news");
const newest = [...rows.keys()][0];
const isFirstPage = !location.search;

const client = sessionClient({ keeps: false }); // what staff looked at stays in no browser
client.jobs(take, { all: true });
client.onConnection(light);
client.connect();
setInterval(() => document.hidden || ask(), ASK_EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || ask());

/** Show whether rows move. */
function light(connection) {
  const words = { online: "Live", degraded: "Live, every two seconds", connecting: "" }[connection] ?? "Not live: the server does not answer";
  document.body.setAttribute("data-connection", connection);
  const element = document.getElementById("live-light");
  element.dataset.live = String(connection === "online" || connection === "degraded");
  say(element, words);
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

/** Ask for the counts, and for the rows that the socket may not speak of: it begins with the newest jobs. */
async function ask() {
  const query = new URLSearchParams([...rows.keys()].map((jobId) => ["id", jobId]));
  const response = await fetch(`${liveUrl}?${query}`, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!response?.ok) return; // asked again in a moment
  const { counts, jobs, now } = await response.json();
  for (const { state, words } of counts.states) say(tiles.get(state), words);
  typeRows?.replaceChildren(...counts.types.map(typeRow));
  for (const job of jobs) show(rows.get(job.jobId), job);
  const left = new Set(jobs.map(({ jobId }) => jobId));
  for (const [jobId, { row }] of rows) {
    row.classList.toggle("job-gone", !left.has(jobId));
    const age = row.querySelector("time.age");
    say(age, ageWords((now - Date.parse(age.dateTime)) / 1000));
  }
}

/** Say an age in the largest unit that fits, as the server does. */
function ageWords(seconds) {
  const [unit, length] = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]].find(([, length]) => seconds >= length) ?? ["s", 1]; // prettier-ignore
  return `${Math.max(0, Math.floor(seconds / length))} ${unit}`;
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
