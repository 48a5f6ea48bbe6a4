/** How an app uses the package. Compiled strictly; a line that must not compile says so, and fails when it does. */

import { JobClient, JobError, SignedOut } from "omnibrowser-jobs";
import type { AboutJob, ConnectionState, Given, Job, JobEvent, JobSummary, Request, State } from "omnibrowser-jobs";
import { useClient } from "omnibrowser-jobs/elements";
import { Damaged, fold, isTerminal } from "omnibrowser-jobs/fold";
import { compare, judge, parse } from "omnibrowser-jobs/position";
import { CLOSE_CODES, CLOSED, mayReconnect } from "omnibrowser-jobs/protocol";
import { JobsProvider, StatusBar, TaskActivityPanel, useJobClient, useJobProgress, useJobs } from "omnibrowser-jobs/react";
import type { JobProgress } from "omnibrowser-jobs/react";
import { Store } from "omnibrowser-jobs/store";

interface Answer {
  sources: string[];
}

/** Compiles when both types are the same one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => undefined;

const client = new JobClient({
  apiUrl: "https://jobs.example",
  getToken: async () => {
    throw new SignedOut("signed out");
  },
  keepFor: "ann",
});
client.connect();
useClient(client);

const end: () => void = client.subscribe<Answer>("j1", (job, about) => {
  same<typeof job, Job<Answer> | null>(true);
  same<typeof about, AboutJob>(true);
  if (job === null) return;
  const sources: string[] | undefined = job.result?.sources;
  const last: string | undefined = about.logs.at(-1)?.message;
  same<typeof about.connection, ConnectionState>(true);
  void [sources, last, job.streamingText.length, job.steps[0]?.state, isTerminal(job.state)];
  // @ts-expect-error a job is read, not written
  job.steps.push({ name: "x", state: "done", startedAt: null, finishedAt: null });
  // @ts-expect-error there is no such state
  void (job.state === "queued");
});
end();

client.jobs((jobs) => {
  same<typeof jobs, readonly JobSummary[] | null>(true);
  // @ts-expect-error a summary has no text
  void jobs?.[0]?.streamingText;
}, { all: true });

async function commands(): Promise<State> {
  const job = await client.create<Answer>({ type: "search", query: "why", input: { depth: 2 } });
  await client.pause(job.jobId, { ifAttempt: job.attempt });
  // @ts-expect-error there is no such action
  await client.command("stop", job.jobId);
  // @ts-expect-error a job has a type
  await client.create({ query: "why" });
  const given: Given<Job> = client.outbox.create({ type: "search" });
  const requests: readonly Request[] = client.outbox.entries;
  try {
    return (await client.outbox.command("cancel", given.jobId).done).state;
  } catch (error) {
    if (error instanceof JobError && error.code === "conflict") return "running";
    throw [error, requests];
  }
}

function applied(job: Job<Answer>, event: JobEvent): Job<Answer> {
  if (judge(parse(job.position), event) !== "follows" || compare(parse("1-2"), parse("1-3")) > 0) return job;
  try {
    return fold(job, event);
  } catch (error) {
    if (error instanceof Damaged && CLOSED > 0 && mayReconnect(4401)) throw new Error(CLOSE_CODES[4401]);
    throw error;
  }
}

const store = new Store({ user: "ann" });
const kept: { value: Job; asOf: number } | null = store.read<Job>("job", "j1");

function Progress({ jobId }: { jobId: string | null }) {
  const progress = useJobProgress<Answer>(jobId);
  same<typeof progress, JobProgress<Answer>>(true);
  const { state, streamingText, result, error, cancel } = progress;
  const { jobs, create } = useJobs();
  const own: JobClient = useJobClient();
  return (
    <article data-state={state} title={error?.message}>
      {streamingText}
      {result?.sources.map((source) => <cite key={source}>{source}</cite>)}
      <button onClick={() => cancel()}>Stop</button>
      <button onClick={() => create({ type: "search" })}>{jobs?.length ?? own.connection}</button>
    </article>
  );
}

export const app = (
  <JobsProvider socketUrl="wss://jobs.example/ws/" token="t1">
    <JobsProvider client={client}>
      <StatusBar href={(jobId) => `/jobs/${jobId}/`} />
      <TaskActivityPanel jobId="j1" />
      {/* @ts-expect-error a panel is of a job */}
      <TaskActivityPanel />
      <Progress jobId={null} />
    </JobsProvider>
  </JobsProvider>
);

void [commands, applied, kept];
