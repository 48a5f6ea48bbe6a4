import type { JobError } from "./errors.js";
import type { Action, Job, JobSummary, NewJob } from "./types.js";

/** Something that a user asked for. Waits while it is `pending` or `sent`. */
export interface Request {
  readonly id: string;
  readonly action: Action | "create";
  readonly jobId: string;
  readonly ifAttempt?: number;
  readonly body?: NewJob;
  /** Unix milliseconds. */
  readonly givenAt: number;
  readonly state: "pending" | "sent" | "applied" | "refused" | "expired";
  readonly error?: JobError;
  readonly job?: JobSummary;
}

export interface Given<Answer> {
  id: string;
  jobId: string;
  /** Resolves when it is applied; rejects with JobError when it is refused or expired. Need not be asked. */
  done: Promise<Answer>;
}

/** What waits for an answer: sent once and in order, kept across reloads when the client has `keepFor`, expired after a day. */
export interface Outbox {
  /** What waits, and the last answers. */
  readonly entries: readonly Request[];
  /** Create a job, as soon as may be; its id holds from now on. */
  create(body: NewJob): Given<Job>;
  /** Command a job at the attempt that is known here, and at no later one. */
  command(action: Action, jobId: string, options?: { ifAttempt?: number }): Given<JobSummary>;
  /** Call `listener` with the entries, now and whenever they change; returns a function that ends it. */
  onChange(listener: (entries: readonly Request[]) => void): () => void;
  /** Show an answered entry no longer. */
  dismiss(id: string): void;
}
