/** How things are said to people. */

export const STATES = {
  created: "Waiting",
  running: "Running",
  paused: "Paused",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

const CONNECTIONS = { online: "Live", degraded: "Live, with a delay", connecting: "Connecting", offline: "Offline", closed: "Disconnected" };

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Say how the connection is, and when what is shown was true. */
export function connectionWords(connection, asOf) {
  const words = CONNECTIONS[connection] ?? connection;
  const isLive = connection === "online" || connection === "degraded";
  return isLive || !asOf ? words : `${words}: shown as of ${clock.format(asOf)}`;
}

/** Say how long something takes or took. */
export function duration(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Say what a person wants to know first of a job. */
export function headline(job) {
  if (job.state === "running") return job.message || job.step || "Starting";
  if (job.state === "failed") return job.error?.message ?? "It failed.";
  if (job.state === "created") return job.attempt > 1 ? `Waiting for attempt ${job.attempt}` : "Waiting for a worker";
  return job.message ?? "";
}

/** Say a percentage. */
export const percent = (progress) => `${Math.floor(progress)} %`;
