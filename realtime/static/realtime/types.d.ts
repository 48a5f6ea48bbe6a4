/** The shapes that go over the wire; PROTOCOL says what they mean. `events.d.ts` has them all, as they are made from the schemas. */

import type * as wire from "./events.js";

export type {
  ClosedEvent,
  JobEvent as WireEvent,
  JobSummary,
  LogEvent,
  ProgressEvent,
  QueuedEvent,
  Reason,
  RunningEvent,
  State,
  Step,
  TextEvent,
} from "./events.js";

export type Action = wire.CommandFrame["action"];

/** `connecting`, `online`, `degraded` (updates come late), `offline` (trying again) or `closed` (for good). */
export type ConnectionState = "connecting" | "online" | "degraded" | "offline" | "closed";

export type Problem = wire.JobError;

/** A job, whole. */
export interface Job<Result = unknown> extends Omit<wire.Job, "result"> {
  result: Result | null;
}

export interface NewJob {
  type: string;
  query?: string;
  input?: unknown;
  /** Chosen by the client when it is left out. */
  jobId?: string;
  priority?: number;
  runAt?: string;
  maxAttempts?: number;
  timeoutSeconds?: number;
}

/** Something that happened to a job, as the socket brings it. */
export interface JobEvent<Data = Record<string, unknown>> {
  type: "state" | "progress" | "text" | "log" | (string & {});
  jobId: string;
  attempt: number;
  seq: number;
  /** Unix milliseconds. */
  ts: number;
  data: Data;
}

export interface LogLine {
  ts: number;
  attempt: number;
  level: string;
  message: string;
}

/** A change of a job's state; `source` is null for the creation. */
export interface Transition {
  at: string;
  source: wire.State | null;
  target: wire.State;
  attempt: number;
  /** Why, where the state alone does not say it: `worker_lost`, `interrupted`, `error`, `timeout`, `poison`, `resume`, `retry`, … */
  reason: string | null;
  /** Who did it, where a person did. */
  actor: string | null;
}

/** How the worker is. */
export type JobStatus = Omit<wire.StatusFrame, "type" | "topic">;
