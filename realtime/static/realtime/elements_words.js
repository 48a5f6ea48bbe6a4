/** How things are said to people. */

import { isTerminal } from "./fold.js";

export const STATES = {
  created: "Waiting",
  running: "Running",
  paused: "Paused",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

const QUIET_FROM_SECONDS = 10;

const CONNECTIONS = { online: "Live", degraded: "Live, delayed", connecting: "Connecting", offline: "Offline", closed: "Disconnected" };

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const parts = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const day = new Intl.DateTimeFormat(undefined, parts);
const dayOfYear = new Intl.DateTimeFormat(undefined, { ...parts, year: "numeric" });

/** Tell whether what happens arrives here. */
export const isConnected = (connection) => connection === "online" || connection === "degraded";

/** Say how the connection is. */
export const connectionWords = (connection) => CONNECTIONS[connection] ?? connection;

/** Say when what is shown was true; nothing while it is true now. */
export const asOfWords = (connection, asOf) => (isConnected(connection) || !asOf ? "" : `shown as of ${clock.format(asOf)}`);

/** Say a time of day. */
export const timeWords = (at) => clock.format(new Date(at));

/** Say a day and a time; the year, too, when it is another one. */
export function dayWords(at) {
  const date = new Date(at);
  return (date.getFullYear() === new Date().getFullYear() ? day : dayOfYear).format(date);
}

/** Say how long something takes or took. */
export function duration(milliseconds) {
  const tenths = Math.floor(Math.max(0, milliseconds) / 100);
  if (tenths < 1) return "< 0.1 s";
  if (tenths < 100) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.floor(tenths / 10);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Say which attempt it is, if it is not the first, and how much text the ones before have left to it; `kept`: null when that is not known. */
export function attemptWords({ attempt }, kept) {
  if (attempt === 1) return "";
  const left = kept === null ? "" : kept === 0 ? ", from the start" : `, kept ${kept.toLocaleString()} characters`;
  return `attempt ${attempt}${left}`;
}

/** Say what a job is about. */
export const titleWords = (job) => job.query || job.type;

/** Say what a person wants to know first of a job. */
export function headline(job, status, now) {
  if (job.state === "running") return [job.step ?? "Starting", job.message].filter(Boolean).join(": ");
  if (job.state === "failed") return job.error?.message ?? "It failed.";
  if (job.state === "created") return waitingWords(job, status, now);
  return job.state === "completed" && job.startedAt ? `in ${duration(Date.parse(job.finishedAt) - Date.parse(job.startedAt))}` : "";
}

/** Say what a job that has written nothing waits for. */
export function waitingWords({ state, step, runAt, attempt }, status, now) {
  if (state === "running") return step ? `${step} …` : "Starting …";
  if (state === "paused") return "Paused before it wrote anything.";
  if (state !== "created") return "It wrote no text.";
  const words = queueWords({ runAt, attempt }, status, now);
  return words.startsWith("Starts") ? words : `${words} …`;
}

/** Say why a job that is asked for cannot be shown yet. */
export function unknownWords(connection) {
  if (connection === "closed") return "Disconnected.";
  return connection === "offline" ? "Offline. It is shown as soon as the connection is back." : "Loading …";
}

/** Tell whether a job will write something before long. */
export function isSoon({ state, runAt }, now) {
  return state === "running" || (state === "created" && !(runAt && Date.parse(runAt) > now));
}

/** Say how the link to the server is; nothing of a good one once there is nothing more to come. `reason`: why it is closed for good. */
export function linkVital({ state }, { connection, asOf }, reason) {
  if (isTerminal(state) && isConnected(connection)) return null;
  const levels = { online: "good", offline: "bad", closed: "bad" };
  const words = [connectionWords(connection), asOfWords(connection, asOf), connection === "closed" && reason];
  return { level: levels[connection] ?? "warn", words: words.filter(Boolean).join(", ") };
}

/** Say how the worker is, or what the job waits for; nothing for a job that needs none. */
export function workerVital(job, { connection, status }, { now, isLost }) {
  if (job.state !== "running" && job.state !== "created") return null;
  const known = isConnected(connection) && status;
  if (job.state === "created") {
    const level = isLost ? "bad" : "idle";
    return { level: known || isLost ? level : "unknown", words: (isLost ? "Worker lost. " : "") + queueWords(job, status, now) };
  }
  if (!known) return { level: "unknown", words: "Worker not known" };
  return status.worker === "late" ? { level: "warn", words: "Worker late" } : { level: "good", words: "Worker alive" };
}

/** Say when the job gave its last sign of progress, against what is usual for this step; nothing for a job that does not run. */
export function workVital({ state }, { connection, status }) {
  if (state !== "running" || !isConnected(connection) || !status || status.worker === "none") return null;
  const { quietSeconds, usualSeconds } = status;
  if (!quietSeconds) return { level: "good", words: "At work" };
  const usual = usualSeconds ? `, usual ${usualSeconds < 1 ? "< 1" : Math.round(usualSeconds)} s` : "";
  const isUnusual = usualSeconds && quietSeconds >= QUIET_FROM_SECONDS && quietSeconds >= 3 * usualSeconds;
  return { level: isUnusual ? "warn" : "good", words: `Last sign ${Math.round(quietSeconds)} s ago${usual}` };
}

/** Say the place in the queue and the time that is left until a worker is free, as far as they are known. */
export function queueWords({ runAt, attempt }, status, now) {
  if (runAt && Date.parse(runAt) > now) return `Starts on ${dayWords(runAt)}`;
  const { queuePosition, eta } = status ?? {};
  const left = eta ? Date.parse(eta) - now : 0;
  const about = left > 1000 ? `, done in about ${duration(left)}` : "";
  if (queuePosition) return `${queuePosition === 1 ? "Next in line" : `Number ${queuePosition} in line`}${about}`;
  return attempt > 1 ? `Attempt ${attempt} begins in a moment` : "Waiting for a worker";
}

const ENDS = {
  created: "put back",
  error: "an error, tried again",
  interrupted: "interrupted",
  poison: "failed: it lost too many workers",
  timeout: "took too long",
  worker_lost: "worker lost",
};

/** Say what ended an attempt, and who. */
export function endWords(end, actor) {
  if (end === null) return "running";
  return (ENDS[end] ?? end) + (actor && (end === "cancelled" || end === "paused") ? ` by ${actor}` : "");
}

/** Say a percentage. */
export const percent = (progress) => `${Math.floor(progress)} %`;
