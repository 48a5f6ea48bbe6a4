/** Two components to begin with: plain markup, `react.css` for those who want it, class names and `data-` attributes for all others. */

import { createElement as h, useEffect, useLayoutEffect, useRef, useState } from "react";

import { connectionWords, headline, percent, STATES } from "./elements_words.js";
import { isTerminal } from "./fold.js";
import { useJobProgress, useJobs } from "./react_hooks.js";

const ASK_MS = 4000;
const BLOCK = 4096;
const NEAR_END_PX = 24;
const QUIET_SECONDS = 10;
const LABELS = { cancel: "Cancel", pause: "Pause", resume: "Resume", retry: "Try again", create: "New job" };
const ALLOWED = {
  created: ["pause", "cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  failed: ["retry"],
  cancelled: ["retry"],
  completed: [],
};

/**
 * One line: the connection, and one job: that of `jobId`, else the newest that is not finished, else the newest.
 * `href(jobId)` makes its title a link.
 */
export function StatusBar({ jobId, ...rest }) {
  return jobId == null ? h(StatusOfAll, rest) : h(StatusOfOne, { jobId, ...rest });
}

function StatusOfOne({ jobId, ...rest }) {
  const { job, ...about } = useJobProgress(jobId);
  return h(StatusLine, { job, about, ...rest });
}

function StatusOfAll(rest) {
  const { jobs, ...about } = useJobs();
  const active = jobs?.filter(({ state }) => state === "running" || state === "created") ?? [];
  return h(StatusLine, { job: active[0] ?? jobs?.[0] ?? null, more: Math.max(0, active.length - 1), about, ...rest });
}

function StatusLine({ job, more = 0, about: { connection, asOf, requests, error }, href, className = "job-status-bar" }) {
  const waiting = requests.filter(isWaiting).length;
  const title = titleOf(job);
  return h("div", { className, "data-connection": connection, "data-state": job?.state },
    h("span", { className: "job-connection", role: "status" }, linkOf(connection, asOf)),
    waiting > 0 && h("span", { className: "job-waiting" }, `${waiting} waiting to be sent`),
    !job && h("span", { className: "job-headline" }, error?.message ?? "No job yet"),
    job && h("span", { className: "job-state" }, STATES[job.state]),
    job && (href ? h("a", { className: "job-title", href: href(job.jobId) }, title) : h("span", { className: "job-title" }, title)),
    job && h("span", { className: "job-headline" }, headline(job)),
    job && h(Progress, { progress: job.progress }),
    more > 0 && h("span", { className: "job-more" }, `and ${more} more`),
  ); // prettier-ignore
}

function Progress({ progress }) {
  return h("span", { className: "job-progress" },
    h("progress", { max: 100, value: progress, "aria-label": "Progress" }), h("span", { className: "job-percent" }, percent(progress))); // prettier-ignore
}

/** What a job is doing: its steps, its text as it streams, its log, its result, and what one may do to it. */
export function TaskActivityPanel({ jobId, className = "task-activity-panel" }) {
  const progress = useJobProgress(jobId);
  const { job, state, error, connection, asOf, steps, streamingText, logs, status, result } = progress;
  return h("section", { className, "aria-label": "Task activity", "data-state": state, "data-connection": connection },
    h("header", null,
      h("h2", { className: "job-title" }, titleOf(job)),
      state && h("span", { className: "job-state" }, STATES[state]),
      h("span", { className: "job-stale" }, isConnected(connection) ? "" : linkOf(connection, asOf)),
      h(Actions, progress)),
    job && h(Progress, { progress: job.progress }),
    error && h("p", { className: "job-error", role: "alert" }, error.message),
    h("ol", { className: "job-steps" }, steps.map((step) => h(Step, { key: step.name, ...step }))),
    state === "running" && h("p", { className: "job-quiet" }, quietOf(status)),
    h(StreamingText, { key: jobId, text: streamingText, isStreaming: state === "running" }),
    result !== null && h("pre", { className: "job-result" }, typeof result === "string" ? result : JSON.stringify(result, null, 2)),
    logs.length > 0 && h("ul", { className: "job-log" },
      logs.map(({ ts, attempt, level, message }, index) => h("li", { key: `${attempt}-${ts}-${index}`, "data-level": level }, message))),
    h("p", { className: "job-voice", role: "status" }, job && (isTerminal(state) ? `${STATES[state]}. ${headline(job)}` : (job.step ?? STATES[state]))),
  ); // prettier-ignore
}

function Step({ name, state }) {
  return h("li", { className: "job-step", "data-state": state, "aria-current": state === "running" ? "step" : undefined }, name);
}

/** The text, and its end in view as long as the reader has not gone up. */
function StreamingText({ text, isStreaming }) {
  const box = useRef(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current && isStreaming) box.current.scrollTop = box.current.scrollHeight;
  }, [text, isStreaming]);
  const onScroll = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  };
  const busy = { "aria-busy": isStreaming, "aria-label": "Text", role: "region", tabIndex: 0 };
  return h("div", { ref: box, className: "job-text", onScroll, ...busy }, ...blocksOf(text));
}

/** Return the text in pieces, so that of a long one only the end is written anew; no piece ends inside of a character. */
function blocksOf(text) {
  const blocks = [];
  for (let begin = 0; begin < text.length; ) {
    const isInside = (text.charCodeAt(begin + BLOCK - 1) & 0xfc00) === 0xd800;
    const end = begin + BLOCK + Number(isInside);
    blocks.push(text.slice(begin, end));
    begin = end;
  }
  return blocks;
}

function Actions({ state, job, requests, connection, ...commands }) {
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    if (!isAsking) return undefined;
    const timer = setTimeout(() => setAsking(false), ASK_MS);
    return () => clearTimeout(timer);
  }, [isAsking]);
  useEffect(() => setAsking(false), [state, job?.attempt]);
  const isBusy = requests.some(isWaiting);
  const press = (action) => {
    if (action === "cancel" && !isAsking) setAsking(true);
    else {
      setAsking(false);
      commands[action]().catch(() => {}); // what became of it is in `requests`
    }
  };
  const label = (action) => (action === "cancel" && isAsking ? "Really cancel?" : LABELS[action]);
  return h("div", { className: "job-actions" },
    job && ALLOWED[state].map((action) => h("button", { key: action, type: "button", className: `job-${action}`, disabled: isBusy || connection === "closed",
      onClick: () => press(action) }, label(action))),
    h("span", { className: "job-note", role: "status" }, noteOf(requests.at(-1), connection)),
  ); // prettier-ignore
}

/** Say what became of the last request. */
function noteOf(request, connection) {
  if (!request || request.state === "applied") return "";
  if (isWaiting(request)) return isConnected(connection) ? "" : `${LABELS[request.action]}: it waits for the connection.`;
  if (request.state === "expired") return `${LABELS[request.action]}: it waited too long.`;
  return `${LABELS[request.action]}: ${request.error.message}`;
}

/** Say how the connection is, and as of when what is shown was so. */
function linkOf(connection, asOf) {
  const words = connectionWords(connection);
  return isConnected(connection) || !asOf ? words : `${words}, shown as of ${new Date(asOf).toLocaleTimeString()}`;
}

/** Say that a worker is quiet for longer than it should be. */
function quietOf(status) {
  const { worker, quietSeconds, usualSeconds } = status ?? {};
  if (worker === "late") return "The worker has not been heard for a while.";
  return usualSeconds && quietSeconds > QUIET_SECONDS && quietSeconds > 3 * usualSeconds ? `Quiet for ${Math.round(quietSeconds)} s.` : "";
}

const titleOf = (job) => job?.query || job?.type || "";
const isConnected = (connection) => connection === "online" || connection === "degraded";
const isWaiting = ({ state }) => state === "pending" || state === "sent";
