/** The shapes that go over the wire; PROTOCOL says what they mean. */

/** The condition of a job; the last three are terminal. */
export type State = "created" | "running" | "paused" | "completed" | "failed" | "cancelled";

export type Action = "cancel" | "pause" | "resume" | "retry";

/** `connecting`, `online`, `degraded` (updates come late), `offline` (trying again) or `closed` (for good). */
export type ConnectionState = "connecting" | "online" | "degraded" | "offline" | "closed";

export interface Step {
  name: string;
  state: "pending" | "running" | "done" | "stopped";
  startedAt: string | null;
  finishedAt: string | null;
}

export interface Problem {
  code: string;
  message: string;
}

/** A job without its text, input and result: what lists and answers to commands have. Times are ISO 8601, UTC. */
export interface JobSummary {
  jobId: string;
  type: string;
  query: string | null;
  state: State;
  /** 0 to 100; never falls inside an attempt. */
  progress: number;
  step: string | null;
  steps: readonly Step[];
  message: string | null;
  error: Problem | null;
  /** Rises each time the job goes back to `created`. */
  attempt: number;
  failures: number;
  maxAttempts: number;
  /** `<attempt>-<seq>` of the last event in here. */
  position: string;
  priority: number;
  runAt: string | null;
  timeoutSeconds: number;
  queuePosition: number | null;
  eta: string | null;
  owner: string;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  updatedAt: string;
}

export interface Job<Result = unknown> extends JobSummary {
  input: unknown;
  streamingText: string;
  result: Result | null;
  /** The result is too large for events: `JobClient.read` has it. */
  more?: true;
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
  source: State | null;
  target: State;
  attempt: number;
  /** Why, where the state alone does not say it: `worker_lost`, `interrupted`, `error`, `timeout`, `poison`, `resume`, `retry`, … */
  reason: string | null;
  /** Who did it, where a person did. */
  actor: string | null;
}

/** How the worker is. */
export interface JobStatus {
  worker: "none" | "alive" | "late";
  quietSeconds: number | null;
  usualSeconds: number | null;
  queuePosition: number | null;
  eta: string | null;
}
