/** How things are said to people. */

export const STATES = {
  created: "Waiting",
  running: "Running",
  paused: "Paused",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

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
  if (runAt && Date.parse(runAt) > now) return `Starts on ${dayWords(runAt)}`;
  if (status?.queuePosition > 1) return `Number ${status.queuePosition} in line`;
  return attempt > 1 ? `Attempt ${attempt} begins in a moment …` : "Waiting for a worker …";
}

/** Tell whether a job will write something before long. */
export function isSoon({ state, runAt }, now) {
  return state === "running" || (state === "created" && !(runAt && Date.parse(runAt) > now));
}

/** Say that a worker has been quiet for unusually long; nothing else is worth a word. */
export function quietWords(status) {
  if (status?.worker === "late") return `The worker has not been heard for ${Math.round(status.quietSeconds)} s.`;
  const { quietSeconds, usualSeconds } = status ?? {};
  if (!usualSeconds || quietSeconds < 10 || quietSeconds < 3 * usualSeconds) return "";
  return `Quiet for ${Math.round(quietSeconds)} s; usual are ${Math.round(usualSeconds)} s.`;
}

/** Say a percentage. */
export const percent = (progress) => `${Math.floor(progress)} %`;
