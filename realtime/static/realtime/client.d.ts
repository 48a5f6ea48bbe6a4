import type { Outbox, Request } from "./outbox.js";
import type { Action, ConnectionState, Job, JobStatus, JobSummary, LogLine, NewJob, Problem, Transition } from "./types.js";

export { JobError, SignedOut } from "./errors.js";
export type { Given, Outbox, Request } from "./outbox.js";
export type * from "./types.js";

export interface ClientOptions {
  /** Where `/api` is; the page's own server by default. */
  apiUrl?: string;
  /** By default `/ws/` of the same server. */
  socketUrl?: string;
  /** A token for all connections; or `getToken`. */
  token?: string;
  /** Called for each connection, and when a sign-in is about to end; throws SignedOut when there is no use in trying again. */
  getToken?: () => string | Promise<string>;
  /** What signs REST requests in; by default the token. */
  apiHeaders?: () => Record<string, string> | Promise<Record<string, string>>;
  /** The name of this device in the server's logs. */
  deviceId?: string;
  /** The name of the user who is signed in: jobs and the outbox are then kept in localStorage, for that user alone. */
  keepFor?: string | null;
  /** What makes sockets, where there is no global one. */
  WebSocket?: new (url: string) => unknown;
  /** Tells of `online`, `offline`, `visibilitychange`, `pageshow` and `pagehide`; the window by default. */
  wakeups?: EventTarget;
  /** From 0 to 1; spreads the waits. */
  random?: () => number;
  /** Calls back before the next frame is drawn. */
  schedule?: (callback: () => void) => void;
  /** Where jobs are kept, instead of localStorage. */
  storage?: Storage;
  /** Tell one page's outbox from another's; `navigator.locks` by default. */
  locks?: LockManager | null;
}

/** What is known besides the job. */
export interface About {
  connection: ConnectionState;
  /** When what is shown was last known to be so, in Unix milliseconds. */
  asOf: number | null;
  /** Why there is nothing to watch. */
  error: Problem | null;
  /** The outbox's entries about this job, or all for a list. */
  requests: readonly Request[];
}

export interface AboutJob extends About {
  /** The log lines heard since, the last 200. */
  logs: readonly LogLine[];
  status: JobStatus | null;
  /** How many characters of text the present attempt began with; null when that was not heard here. */
  kept: number | null;
}

export interface CommandOptions {
  /** Refuse unless the job is at that attempt. */
  ifAttempt?: number;
}

/** Watches and commands jobs: one socket for all. */
export class JobClient {
  constructor(options: ClientOptions);
  /** Commands and new jobs that wait for a connection, be it the next page's. */
  readonly outbox: Outbox;
  readonly connection: ConnectionState;
  /** Why the connection is closed, null while it is not. */
  readonly closeReason: string | null;
  /** The server's time in Unix milliseconds, as far as is known. */
  now(): number;
  /** Connect, and stay connected. */
  connect(): void;
  /** Disconnect; commands that have no answer yet are rejected. */
  close(): void;
  /** Forget all that is kept for this user, in this browser: for signing out. */
  forget(): void;
  /** Watch a job; the listener is told now and after each change, at most once a frame. Returns a function that ends it. */
  subscribe<Result = unknown>(jobId: string, listener: (job: Job<Result> | null, about: AboutJob) => void): () => void;
  /** Watch the newest jobs, of everybody with `all`; null until they are known. Returns a function that ends it. */
  jobs(listener: (jobs: readonly JobSummary[] | null, about: About) => void, options?: { all?: boolean }): () => void;
  /** Return what is known here of a job, without asking for it. */
  peek<Result = unknown>(jobId: string): { job: Job<Result>; asOf: number | null } | null;
  /** Call `listener` with the connection's state, now and whenever it changes; returns a function that ends it. */
  onConnection(listener: (connection: ConnectionState) => void): () => void;
  /** Create a job over REST; safe to be tried again, since its id is chosen here. */
  create<Result = unknown>(body: NewJob): Promise<Job<Result>>;
  /** Return a job as REST has it: with a result that is too large for events. */
  read<Result = unknown>(jobId: string): Promise<Job<Result>>;
  /** Return how a job came to be as it is: its last changes of state, oldest first. */
  transitions(jobId: string): Promise<Transition[]>;
  /** Make a link with which anybody may watch the job, for a day. */
  share(jobId: string): Promise<{ token: string; url: string; expiresAt: string }>;
  /** Command a job; resolves with its summary. Without a connection it waits for one, as long as the page lives. */
  command(action: Action, jobId: string, options?: CommandOptions): Promise<JobSummary>;
  cancel(jobId: string, options?: CommandOptions): Promise<JobSummary>;
  pause(jobId: string, options?: CommandOptions): Promise<JobSummary>;
  resume(jobId: string, options?: CommandOptions): Promise<JobSummary>;
  retry(jobId: string, options?: CommandOptions): Promise<JobSummary>;
}
