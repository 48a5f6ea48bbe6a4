/** Rows of jobs that move: what a table shows of each job is kept as the socket, or the server when asked, says it is. */

import { compare, parse } from "../../realtime/position.js";

/** Return the rows below `root` as a map from job id to what `show` needs. */
export function rowsBelow(root) {
  return new Map([...root.querySelectorAll("[data-job-id]")].map((title) => [title.dataset.jobId, rowOf(title)]));
}

function rowOf(title) {
  const row = title.closest("tr");
  const find = (name) => row.querySelector(name);
  return {
    row,
    state: find(".job-state"), progress: find(".job-progress"), fill: find(".job-bar-fill"),
    percent: find(".job-percent"), step: find(".job-step"), attempt: find(".job-attempt"),
    at: parse("0-0"),
  }; // prettier-ignore
}

/** Show how a job is, unless the row shows what is newer: rows of the database are up to a second behind the socket. */
export function show(view, { state, progress, step, attempt, position }) {
  const at = parse(position);
  if (compare(at, view.at) < 0) return;
  view.at = at;
  const percent = Math.floor(progress);
  set(view.state, "data-state", state);
  say(view.state, state[0].toUpperCase() + state.slice(1));
  set(view.progress, "data-state", state);
  set(view.fill, "width", percent);
  say(view.percent, `${percent} %`);
  say(view.step, state === "running" ? (step ?? "") : "");
  say(view.attempt, String(attempt));
}

/** Say words, where they are others. */
export function say(element, words) {
  if (element && element.textContent !== words) element.textContent = words;
}

function set(element, name, value) {
  if (element && element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}
