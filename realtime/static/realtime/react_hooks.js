/** The hooks, and the provider that gives them their client. */

import { createContext, createElement, useContext, useEffect, useMemo, useState, useSyncExternalStore } from "react";

import { JobClient } from "./client.js";

const COMMANDS = ["cancel", "pause", "resume", "retry"];
const NONE = [];
const NO_JOB = { state: null, progress: 0, step: null, steps: NONE, streamingText: "", message: null, error: null, result: null };
const UNKNOWN = [null, { connection: "connecting", asOf: null, logs: NONE, status: null, error: null, requests: NONE }];

const Jobs = createContext(null);

/**
 * Gives the components below it one client, and so one socket. With `client` it is the app that connects and closes it; else the
 * provider makes one from its other properties, the options of JobClient as they are at first: give it a `key` that changes with the user.
 */
export function JobsProvider({ client, children, ...options }) {
  const [own] = useState(() => (client ? null : new JobClient(options)));
  useEffect(() => {
    own?.connect();
    return () => own?.close();
  }, [own]);
  return createElement(Jobs.Provider, { value: client ?? own }, children);
}

/** The client of the `JobsProvider` above. */
export function useJobClient() {
  const client = useContext(Jobs);
  if (!client) throw new Error("There is no <JobsProvider> above.");
  return client;
}

/**
 * A job, live: `{state, progress, step, steps, streamingText, message, error, result}`, how it is known: `{job, connection, asOf, logs,
 * status, requests}`, and what may be done: `cancel`, `pause`, `resume`, `retry`. These are the same functions as long as client and job
 * are; each resolves with the job's summary, waits while there is no connection, and never hits a later attempt than the one on show.
 */
export function useJobProgress(jobId) {
  const client = useJobClient();
  const watched = useMemo(() => watchJob(client, jobId), [client, jobId]);
  const [job, about] = useSyncExternalStore(watched.subscribe, watched.get, getUnknown);
  const result = useWholeResult(client, job);
  const commands = useMemo(() => commandsOf(client, jobId), [client, jobId]);
  return useMemo(() => ({ ...describe(job, about), result, ...commands }), [job, about, result, commands]);
}

/**
 * The newest jobs: `{jobs, connection, asOf, error, requests, create}`. `jobs` is null until they are known; `create(body)` returns
 * `{jobId, done}` at once and works without a connection. With `all`, everybody's, for staff.
 */
export function useJobs({ all = false } = {}) {
  const client = useJobClient();
  const watched = useMemo(() => watch(client, UNKNOWN[0], null, (listener) => client.jobs(listener, { all })), [client, all]);
  const [jobs, about] = useSyncExternalStore(watched.subscribe, watched.get, getUnknown);
  const create = useMemo(() => (body) => client.outbox.create(body), [client]);
  const { connection, asOf, error, requests } = about;
  return useMemo(() => ({ jobs, connection, asOf, error, requests, create }), [jobs, about, create]);
}

const getUnknown = () => UNKNOWN;

function watchJob(client, jobId) {
  if (jobId == null) return watch(client, null, null, (listener) => client.onConnection((connection) => listener(null, { ...UNKNOWN[1], connection })));
  const known = client.peek(jobId);
  return watch(client, known?.job ?? null, known?.asOf ?? null, (listener) => client.subscribe(jobId, listener));
}

/** What useSyncExternalStore needs; the client tells at most once a frame. */
function watch(client, held, asOf, listen) {
  let told = [held, { ...UNKNOWN[1], connection: client.connection, asOf }];
  return {
    get: () => told,
    subscribe: (onChange) =>
      listen((...now) => {
        told = now;
        onChange();
      }),
  };
}

function commandsOf(client, jobId) {
  return Object.fromEntries(COMMANDS.map((action) => [action, (options) => client.outbox.command(action, jobId, options).done]));
}

function describe(job, { connection, asOf, logs, status, error, requests }) {
  const about = { job, connection, asOf, logs, status, requests };
  if (job) {
    const { state, progress, step, steps, streamingText, message } = job;
    return { state, progress, step, steps, streamingText, message, error: job.error, ...about };
  }
  // Not there yet is not missing.
  const isOnItsWay = requests.some(({ action, state }) => action === "create" && (state === "pending" || state === "sent"));
  return { ...NO_JOB, ...(isOnItsWay ? { state: "created" } : { error }), ...about };
}

/** A result that is too large for events is read over REST, once. */
function useWholeResult(client, job) {
  const [read, setRead] = useState(null);
  const at = job?.more ? `${job.jobId} ${job.position}` : null;
  useEffect(() => {
    if (!at) return undefined;
    let isWanted = true;
    const take = (whole) => isWanted && setRead({ at, result: whole.result });
    client.read(job.jobId).then(take, (error) => isWanted && setRead({ at, result: null, error }));
    return () => (isWanted = false);
  }, [client, at]);
  return at && read?.at === at ? read.result : (job?.result ?? null);
}
