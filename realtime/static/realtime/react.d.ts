import type { ReactElement, ReactNode } from "react";

import type { About, AboutJob, ClientOptions, CommandOptions, JobClient } from "./client.js";
import type { Given } from "./outbox.js";
import type { Job, JobSummary, NewJob, Problem, State, Step } from "./types.js";

export { JobClient, JobError, SignedOut } from "./client.js";
export type * from "./client.js";

/** With `client` it is the app that connects and closes it; else the provider makes one from its other properties. */
export type JobsProviderProps = { children?: ReactNode } & ({ client: JobClient } | ({ client?: undefined } & ClientOptions));

/** Gives the components below it one client, and so one socket. */
export function JobsProvider(props: JobsProviderProps): ReactElement;

/** The client of the `JobsProvider` above. */
export function useJobClient(): JobClient;

export type Command = (options?: CommandOptions) => Promise<JobSummary>;

export interface JobProgress<Result = unknown> extends AboutJob {
  /** The job whole; null until it is known. */
  job: Job<Result> | null;
  state: State | null;
  progress: number;
  step: string | null;
  steps: readonly Step[];
  streamingText: string;
  message: string | null;
  /** What the job failed with, or why there is nothing to watch. */
  error: Problem | null;
  result: Result | null;
  cancel: Command;
  pause: Command;
  resume: Command;
  retry: Command;
}

/** A job, live, and what may be done to it; rendered at most once a frame. Without an id, the connection alone. */
export function useJobProgress<Result = unknown>(jobId: string | null | undefined): JobProgress<Result>;

export interface Jobs extends About {
  /** Newest first; null until they are known. */
  jobs: readonly JobSummary[] | null;
  /** Works without a connection; the id holds at once. */
  create(body: NewJob): Given<Job>;
}

/** The newest jobs; everybody's with `all`. */
export function useJobs(options?: { all?: boolean }): Jobs;

/** One line: the connection, and one job: that of `jobId`, else the newest that is not finished, else the newest. */
export function StatusBar(props: { jobId?: string | null; href?: (jobId: string) => string; className?: string }): ReactElement;

/** What a job is doing: its steps, its text as it streams, its log, its result, and what one may do to it. */
export function TaskActivityPanel(props: { jobId: string; className?: string }): ReactElement;
