/** What goes over the wire, made from the schemas by `python -m jobs.schemas.types`. */

/** ISO 8601 in UTC with three decimals. */
export type Time = string;

/** The place of an event: <attempt>-<seq>. */
export type Position = string;

/** 1 to 64 of letters, digits, . _ and -, first a letter or digit. */
export type JobId = string;

/** Rises each time the job goes back to created. */
export type Attempt = number;

/** The condition of a job; the last three are terminal. */
export type State = "created" | "running" | "paused" | "completed" | "failed" | "cancelled";

/** Why the state changed, where the state alone does not say it. */
export type Reason = "worker_lost" | "interrupted" | "error" | "timeout" | "poison" | "resume" | "retry" | "user" | "staff";

/** Percent done; never falls inside an attempt. */
export type Progress = number;

/** A step of the work. */
export interface Step {
  name: string;
  state: "pending" | "running" | "done" | "stopped";
  startedAt: Time | null;
  finishedAt: Time | null;
}

/** Why a job failed: code for programs, message for people. */
export interface JobError {
  code: string;
  message: string;
}

/** A job without its text, input and result. */
export interface JobSummary {
  jobId: JobId;
  type: string;
  query: string;
  /** The name of the user whose job it is. */
  owner: string;
  state: State;
  progress: Progress;
  step: string | null;
  steps: readonly Step[];
  message: string | null;
  error: JobError | null;
  attempt: Attempt;
  position: Position;
  /** Errors and timeouts so far. */
  failures: number;
  maxAttempts: number;
  timeoutSeconds: number;
  priority: number;
  runAt: Time | null;
  /** 1 = next, among the due jobs of its type; null when it does not wait, or far behind. */
  queuePosition: number | null;
  /** When it will probably have ended; null when unknown. */
  eta: Time | null;
  createdAt: Time;
  startedAt: Time | null;
  finishedAt: Time | null;
  updatedAt: Time;
}

/** A job, whole. */
export interface Job {
  jobId: JobId;
  type: string;
  query: string;
  /** The name of the user whose job it is. */
  owner: string;
  state: State;
  progress: Progress;
  step: string | null;
  steps: readonly Step[];
  message: string | null;
  error: JobError | null;
  attempt: Attempt;
  position: Position;
  /** Errors and timeouts so far. */
  failures: number;
  maxAttempts: number;
  timeoutSeconds: number;
  priority: number;
  runAt: Time | null;
  /** 1 = next, among the due jobs of its type; null when it does not wait, or far behind. */
  queuePosition: number | null;
  /** When it will probably have ended; null when unknown. */
  eta: Time | null;
  createdAt: Time;
  startedAt: Time | null;
  finishedAt: Time | null;
  updatedAt: Time;
  /** As it was posted. */
  input: Record<string, unknown>;
  /** The text of the attempt that counts. */
  streamingText: string;
  /** What the handler returned. */
  result: unknown;
  /** The result is over 32 KiB: REST has it. */
  more?: true;
}

/** The attempt waits in the queue; the text is cut to what a checkpoint kept. */
export interface QueuedEvent {
  type: "state";
  jobId: JobId;
  attempt: Attempt;
  seq: 0;
  /** Unix milliseconds. */
  ts: number;
  /** The job as the attempt begins. */
  data: {
    state: "created";
    reason: Reason | null;
    /** The length of the text that is kept, in UTF-16 code units. */
    keepText: number;
    /** The seq of the attempt before at which that text was complete. */
    keepSeq: number;
    progress: Progress;
    step: string | null;
    steps: readonly Step[];
    message: string | null;
  };
}

/** A worker runs the attempt. */
export interface RunningEvent {
  type: "state";
  jobId: JobId;
  attempt: Attempt;
  seq: 1;
  /** Unix milliseconds. */
  ts: number;
  /** The state alone. */
  data: {
    state: "running";
    reason: Reason | null;
  };
}

/** The attempt is closed. */
export interface ClosedEvent {
  type: "state";
  jobId: JobId;
  attempt: Attempt;
  seq: 9007199254740991;
  /** Unix milliseconds. */
  ts: number;
  /** The job as the attempt ends. */
  data: {
    state: "paused" | "completed" | "failed" | "cancelled";
    reason: Reason | null;
    lastSeq: number;
    /** In UTF-16 code units. */
    textLength: number;
    /** Of the text's UTF-8 bytes. */
    textSha256: string;
    progress: Progress;
    step: string | null;
    steps: readonly Step[];
    message: string | null;
    /** What the handler returned. */
    result: unknown;
    error: JobError | null;
    /** The result is over 32 KiB: REST has it. */
    more?: true;
  };
}

/** How far the work is; each field is optional. */
export interface ProgressEvent {
  type: "progress";
  jobId: JobId;
  attempt: Attempt;
  /** Numbered by the worker, without gaps. */
  seq: number;
  /** Unix milliseconds. */
  ts: number;
  /** What is new. */
  data: {
    progress?: Progress;
    step?: string;
    message?: string;
  };
}

/** More text. */
export interface TextEvent {
  type: "text";
  jobId: JobId;
  attempt: Attempt;
  /** Numbered by the worker, without gaps. */
  seq: number;
  /** Unix milliseconds. */
  ts: number;
  /** The text and where it begins. */
  data: {
    /** The length of the text before, in UTF-16 code units. */
    offset: number;
    text: string;
  };
}

/** A line for the activity panel. */
export interface LogEvent {
  type: "log";
  jobId: JobId;
  attempt: Attempt;
  /** Numbered by the worker, without gaps. */
  seq: number;
  /** Unix milliseconds. */
  ts: number;
  /** The line. */
  data: {
    level: "debug" | "info" | "warning" | "error";
    message: string;
  };
}

/** Something that happened to a job. */
export type JobEvent = QueuedEvent | RunningEvent | ClosedEvent | ProgressEvent | TextEvent | LogEvent;

/** Sign in, or hand over a fresh token in place. */
export interface AuthFrame {
  type: "auth";
  /** An access JWT, a ticket or a share token. */
  token: string;
  /** Shown in logs and the admin. */
  deviceId?: string | null;
}

/** Watch a topic. Without after a snapshot comes first. */
export interface SubscribeFrame {
  type: "subscribe";
  /** Comes back in the answer. */
  ref?: number | string | null;
  /** job:<jobId>, jobs (mine) or jobs:all (staff). */
  topic: string;
  after?: Position | null;
}

/** Watch a topic no more. */
export interface UnsubscribeFrame {
  type: "unsubscribe";
  /** Comes back in the answer. */
  ref?: number | string | null;
  /** job:<jobId>, jobs (mine) or jobs:all (staff). */
  topic: string;
}

/** Do something to a job. */
export interface CommandFrame {
  type: "command";
  /** Comes back in the answer. */
  ref?: number | string | null;
  action: "cancel" | "pause" | "resume" | "retry";
  jobId: JobId;
  /** Refuse unless the job is at that attempt. */
  ifAttempt?: Attempt | null;
}

/** Ask for a pong. */
export interface PingFrame {
  type: "ping";
}

/** Signed in. */
export interface WelcomeFrame {
  type: "welcome";
  protocol: 1;
  /** Null for a share token. */
  user: string | null;
  heartbeatSeconds: number;
  /** Unix milliseconds. */
  expiresAt: number;
}

/** The topic is watched: the missed events follow when recovered, else a snapshot or the list. */
export interface SubscribedFrame {
  type: "subscribed";
  /** Comes back in the answer. */
  ref: number | string | null;
  topic: string;
  position: Position | null;
  recovered: boolean;
  /** At the close: of the text, as the feed has it. */
  textSha256?: string;
}

/** The job as a whole: replaces what the client has. */
export interface SnapshotFrame {
  type: "snapshot";
  topic: string;
  position: Position;
  job: Job;
}

/** One or more events, contiguous. */
export interface EventsFrame {
  type: "events";
  topic: string;
  events: readonly JobEvent[];
}

/** How the worker is: no event, never replayed. */
export interface StatusFrame {
  type: "status";
  topic: string;
  worker: "none" | "alive" | "late";
  /** Since the last sign of progress. */
  quietSeconds: number | null;
  /** Usual between two signs of progress in this step. */
  usualSeconds: number | null;
  /** 1 = next, among the due jobs of its type; null when it does not wait, or far behind. */
  queuePosition: number | null;
  /** When it will probably have ended; null when unknown. */
  eta: Time | null;
}

/** The newest summaries, then those that changed. */
export interface JobsFrame {
  type: "jobs";
  topic: string;
  jobs: readonly JobSummary[];
  removed: readonly JobId[];
}

/** The topic is not watched any more. */
export interface UnsubscribedFrame {
  type: "unsubscribed";
  /** Comes back in the answer. */
  ref?: number | string | null;
  topic: string;
  /** There when nobody asked for it. */
  reason?: "deleted";
}

/** The command has taken effect, or had already. */
export interface AckFrame {
  type: "ack";
  /** Comes back in the answer. */
  ref: number | string | null;
  job: JobSummary;
}

/** A request was refused; the socket stays open. */
export interface ErrorFrame {
  type: "error";
  /** Comes back in the answer. */
  ref: number | string | null;
  code: "bad_message" | "not_found" | "forbidden" | "conflict" | "too_many_subscriptions" | "rate_limited" | "unavailable";
  message: string;
}

/** The server is there. */
export interface HeartbeatFrame {
  type: "heartbeat";
  /** Unix milliseconds. */
  ts: number;
  /** Updates come late, from the database. */
  degraded: boolean;
}

/** The sign-in ends soon: hand over a fresh token. */
export interface AuthRequiredFrame {
  type: "auth_required";
  /** Unix milliseconds. */
  expiresAt: number;
}

/** The answer to a ping. */
export interface PongFrame {
  type: "pong";
}
