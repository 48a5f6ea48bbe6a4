/** The client: one socket for all that a page watches and commands, REST for the rest. No dependency, in browsers and in Node. */

import { Commands } from "./commands.js";
import { Connection } from "./connection.js";
import { JobError } from "./errors.js";
import { guard } from "./notices.js";
import { Outbox } from "./outbox.js";
import { SESSION_ENDED } from "./protocol.js";
import { Rest } from "./rest.js";
import { Store } from "./store.js";
import { Topics } from "./topics.js";

export { JobError, SignedOut } from "./errors.js";

/**
 * Watches and commands jobs.
 * @example
 * const client = new JobClient({ socketUrl: "wss://jobs.example/ws/", getToken });
 * client.connect();
 * const unsubscribe = client.subscribe("j1", (job, { connection, asOf }) => show(job));
 */
export class JobClient {
  /** Commands and new jobs that wait for a connection, be it the next page's; see `Outbox`. */
  outbox;

  #rest;
  #connection;
  #commands;
  #store;
  #keepFor;
  #user; // who is signed in; undefined until that is known
  #lastRef = 0;
  #topics;
  #connectionListeners = new Set();

  /**
   * @param {object} options
   * @param {string} [options.apiUrl] where `/api` is; the page's own server by default
   * @param {string} [options.socketUrl] by default `/ws/` of the same server
   * @param {string} [options.token] a token for all connections, or:
   * @param {() => string | Promise<string>} [options.getToken] called for each connection, and when a sign-in is about to end;
   *   throws SignedOut when there is no use in trying again
   * @param {() => object} [options.apiHeaders] what signs REST requests in; by default the token
   * @param {string} [options.deviceId] the name of this device in the server's logs
   * @param {string} [options.keepFor] the name of the user who is signed in: jobs and the outbox are then kept in localStorage,
   *   for that user alone
   */
  constructor({
    apiUrl = "",
    socketUrl = defaultSocketUrl(apiUrl),
    token,
    getToken = () => token,
    apiHeaders = async () => ({ Authorization: `Bearer ${await getToken()}` }),
    deviceId,
    keepFor = null,
    WebSocket = globalThis.WebSocket,
    wakeups = globalThis.window,
    random = Math.random,
    schedule,
    storage,
    locks = globalThis.navigator?.locks,
  }) {
    this.#rest = new Rest({ apiUrl, headers: apiHeaders, random });
    this.#keepFor = keepFor;
    this.#store = new Store({ user: keepFor, storage });
    this.#connection = new Connection({
      ...{ socketUrl, getToken, deviceId, WebSocket, wakeups, random },
      onState: () => this.#tellConnection(),
      onWelcome: (frame) => this.#begin(frame),
      onLost: () => this.#suspend(),
      onFrame: (frame) => this.#take(frame),
    });
    const door = this.#door(random);
    this.#commands = new Commands(door);
    this.#topics = new Topics({ client: door, store: this.#store, schedule });
    this.outbox = new Outbox({
      ...{ store: this.#store, locks: keepFor === null ? null : locks },
      command: (...command) => this.command(...command),
      create: (body) => this.create(body),
      attemptOf: (jobId) => this.#topics.attemptOf(jobId),
      isUp: () => this.#connection.isUp && this.#isExpectedUser(),
    });
    this.outbox.onChange(() => this.#topics.noteAll());
    // A page that is hidden draws no frames, and may go without another word.
    for (const type of ["visibilitychange", "pagehide"]) wakeups?.addEventListener(type, () => this.#topics.leave());
  }

  /** `connecting`, `online`, `degraded`, `offline` or `closed`. */
  get connection() {
    return this.#connection.state;
  }

  /** Why the connection is closed, null while it is not. */
  get closeReason() {
    return this.#connection.reason;
  }

  /** The server's time in Unix milliseconds, as far as is known. */
  now() {
    return Date.now() - this.#connection.clockAhead;
  }

  /** Connect, and stay connected. */
  connect() {
    this.#connection.open();
  }

  /** Disconnect; commands that have no answer yet are rejected. */
  close() {
    this.#connection.close();
  }

  /**
   * Watch a job. The listener gets `(job, {connection, asOf, logs, status, kept, error, requests})`, now and after each change, at
   * most once a frame; `requests` are the outbox's entries about this job, `kept` is how much text its present attempt began with.
   * @returns {() => void} ends it
   */
  subscribe(jobId, listener) {
    return this.#topics.listenToJob(jobId, listener);
  }

  /**
   * Watch the newest jobs of the user, or of everybody for staff. The listener gets `(jobs, {connection, asOf, error, requests})`:
   * summaries, newest first, null until they are known.
   * @returns {() => void} ends it
   */
  jobs(listener, { all = false } = {}) {
    return this.#topics.listenToJobs(all ? "jobs:all" : "jobs", listener);
  }

  /** Return what is known here of a job, without asking for it: `{job, asOf}`, null when nothing is. */
  peek(jobId) {
    return this.#topics.peek(jobId);
  }

  /** Call `listener` with the connection's state, now and whenever it changes; returns a function that ends it. */
  onConnection(listener) {
    const entry = { listener };
    this.#connectionListeners.add(entry);
    listener(this.connection);
    return () => this.#connectionListeners.delete(entry);
  }

  /** Create a job over REST and return it; safe to be tried again, since its id is chosen here. */
  async create(body) {
    const job = await this.#rest.create(body);
    this.#topics.retryJob(job.jobId);
    return job;
  }

  /** Return a job as REST has it: with a result that is too large for events. */
  read(jobId) {
    return this.#rest.read(jobId);
  }

  /** Return how a job came to be as it is: its last changes of state, oldest first. */
  transitions(jobId) {
    return this.#rest.transitions(jobId);
  }

  /** Make a link with which anybody may watch the job, for a day: `{token, url, expiresAt}`. */
  share(jobId) {
    return this.#rest.share(jobId);
  }

  /** Stop a job for good; see `command`. */
  cancel(jobId, options) {
    return this.command("cancel", jobId, options);
  }

  /** Stop a job until `resume`; see `command`. */
  pause(jobId, options) {
    return this.command("pause", jobId, options);
  }

  /** Go on with a paused job; see `command`. */
  resume(jobId, options) {
    return this.command("resume", jobId, options);
  }

  /** Run a failed or cancelled job again; see `command`. */
  retry(jobId, options) {
    return this.command("retry", jobId, options);
  }

  /** Forget all that is kept for this user, in this browser: for signing out. */
  forget() {
    this.close();
    this.#topics.clear();
    this.outbox.clear();
    this.#store.forget();
  }

  /**
   * Command a job: `cancel`, `pause`, `resume` or `retry`. Given while there is no connection it waits for one, as long as the page
   * lives; what is to outlive it goes through `outbox`.
   * With `ifAttempt` it is refused unless the job is at that attempt. Resolves with the job's summary.
   */
  command(action, jobId, { ifAttempt } = {}) {
    if (this.connection === "closed") return Promise.reject(this.#closedError());
    return this.#commands.give({ action, jobId, ifAttempt });
  }

  /** What topics and commands see of this client. */
  #door(random) {
    return {
      random,
      send: (frame) => this.#connection.send(frame),
      nextRef: () => ++this.#lastRef,
      isUp: () => this.#connection.isUp,
      connection: () => this.connection,
      requests: (jobId) => this.outbox.entries.filter((entry) => jobId === undefined || entry.jobId === jobId),
      heardAt: () => this.#connection.heardAt,
      noteTime: (ts) => this.#connection.noteTime(ts),
    };
  }

  #begin({ user }) {
    const expected = this.#user === undefined ? (this.#keepFor ?? user) : this.#user;
    this.#user = user;
    if (user !== expected) this.#forgetUser();
    this.#commands.begin();
    this.#topics.begin();
    if (this.#isExpectedUser()) this.outbox.begin();
  }

  /** Somebody else is signed in than before: what is here is not theirs to see, or to have done. */
  #forgetUser() {
    this.#store.detach();
    this.#topics.clear();
    this.outbox.clear();
    this.#commands.rejectAll(this.#closedError("another user signed in"));
  }

  #isExpectedUser() {
    return this.#keepFor === null || this.#user === this.#keepFor;
  }

  #suspend() {
    this.#commands.suspend();
    this.#topics.suspend();
  }

  #take(frame) {
    if (frame.topic) this.#topics.take(frame);
    else if (frame.type === "ack") this.#commands.take(frame);
    else if (frame.type === "error" && !this.#commands.take(frame)) this.#topics.takeError(frame);
  }

  #closedError(reason = this.closeReason) {
    return new JobError({ code: "closed", message: `Not connected: ${reason}.` });
  }

  #tellConnection() {
    if (this.connection === "closed") this.#commands.rejectAll(this.#closedError());
    if (this.#connection.code === SESSION_ENDED) {
      this.#topics.clear();
      this.#store.forget(["job", "list"]);
    }
    for (const { listener } of [...this.#connectionListeners]) guard(() => listener(this.connection));
    this.#topics.noteAll();
  }
}

function defaultSocketUrl(apiUrl) {
  const url = new URL("/ws/", new URL(apiUrl || "/", globalThis.location?.href ?? "http://localhost"));
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
