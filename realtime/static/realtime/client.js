/** The client: one socket for all that a page watches and commands, REST for the rest. No dependency, in browsers and in Node. */

import { Commands } from "./commands.js";
import { Connection } from "./connection.js";
import { JobError } from "./errors.js";
import { Rest } from "./rest.js";
import { Subscription } from "./subscription.js";

export { JobError, SignedOut } from "./errors.js";

/**
 * Watches and commands jobs.
 *
 * @example
 * const client = new JobClient({ socketUrl: "wss://jobs.example/ws/", getToken });
 * client.connect();
 * const unsubscribe = client.subscribe("j1", (job, { connection, asOf }) => show(job));
 */
export class JobClient {
  #rest;
  #random;
  #schedule;
  #connection;
  #commands;
  #lastRef = 0;
  #subscriptions = new Map(); // by topic
  #connectionListeners = new Set();
  #changed = new Map(); // subscription → the listeners to tell, null for all of them
  #isScheduled = false;

  /**
   * @param {object} options
   * @param {string} [options.apiUrl] where `/api` is; the page's own server by default
   * @param {string} [options.socketUrl] by default `/ws/` of the same server
   * @param {string} [options.token] a token for all connections, or:
   * @param {() => string | Promise<string>} [options.getToken] called for each connection, and when a sign-in is about to end;
   *   throws SignedOut when there is no use in trying again
   * @param {() => object} [options.apiHeaders] what signs REST requests in; by default the token
   * @param {string} [options.deviceId] the name of this device in the server's logs
   */
  constructor({
    apiUrl = "",
    socketUrl = defaultSocketUrl(apiUrl),
    token,
    getToken = () => token,
    apiHeaders = async () => ({ Authorization: `Bearer ${await getToken()}` }),
    deviceId,
    WebSocket = globalThis.WebSocket,
    wakeups = globalThis.window,
    random = Math.random,
    schedule = onNextFrame,
  }) {
    this.#rest = new Rest({ apiUrl, headers: apiHeaders, random });
    this.#random = random;
    this.#schedule = schedule;
    this.#connection = new Connection({
      ...{ socketUrl, getToken, deviceId, WebSocket, wakeups, random },
      onState: () => this.#tellConnection(),
      onWelcome: () => this.#begin(),
      onLost: () => this.#suspend(),
      onFrame: (frame) => this.#take(frame),
    });
    this.#commands = new Commands(this.#door());
    // Frames are not drawn while a page is hidden, so what waits for one is told before.
    wakeups?.addEventListener("visibilitychange", () => this.#tell());
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
   * Watch a job. The listener gets `(job, {connection, asOf, logs, status, error})`, now and after each change, at most once a frame.
   * @returns {() => void} ends it
   */
  subscribe(jobId, listener) {
    const topic = `job:${jobId}`;
    let subscription = this.#subscriptions.get(topic);
    if (!subscription) {
      subscription = new Subscription(jobId, this.#door());
      this.#subscriptions.set(topic, subscription);
      if (this.#connection.isUp) subscription.begin();
    }
    const entry = { listener };
    subscription.listeners.add(entry);
    this.#note(subscription, entry);
    return () => this.#unsubscribe(subscription, entry);
  }

  /** Call `listener` with the connection's state, now and whenever it changes; returns a function that ends it. */
  onConnection(listener) {
    const entry = { listener };
    this.#connectionListeners.add(entry);
    listener(this.connection);
    return () => this.#connectionListeners.delete(entry);
  }

  /** Create a job over REST and return it; safe to be tried again, since its id is chosen here. */
  create(body) {
    return this.#rest.create(body);
  }

  /** Return a job as REST has it: with a result that is too large for events. */
  read(jobId) {
    return this.#rest.read(jobId);
  }

  /** Stop a job for good; see `command`. */
  cancel(jobId, options) {
    return this.command("cancel", jobId, options);
  }

  /**
   * Command a job: `cancel`, `pause`, `resume` or `retry`. Given while there is no connection it waits for one.
   * With `ifAttempt` it is refused unless the job is at that attempt. Resolves with the job's summary.
   */
  command(action, jobId, { ifAttempt } = {}) {
    if (this.connection === "closed") return Promise.reject(this.#closedError());
    return this.#commands.give({ action, jobId, ifAttempt });
  }

  /** What subscriptions and commands see of this client. */
  #door() {
    return {
      random: this.#random,
      send: (frame) => this.#connection.send(frame),
      nextRef: () => this.#nextRef(),
      changed: (subscription) => this.#note(subscription, null),
      noteTime: (ts) => this.#connection.noteTime(ts),
    };
  }

  #nextRef() {
    return ++this.#lastRef;
  }

  #unsubscribe(subscription, entry) {
    const { topic, listeners } = subscription;
    if (!listeners.delete(entry) || listeners.size > 0) return;
    this.#subscriptions.delete(topic);
    subscription.end();
  }

  #begin() {
    this.#commands.begin();
    for (const subscription of this.#subscriptions.values()) subscription.begin();
  }

  #suspend() {
    this.#commands.suspend();
    for (const subscription of this.#subscriptions.values()) subscription.suspend(this.#connection.heardAt);
  }

  #take(frame) {
    if (frame.topic) this.#subscriptions.get(frame.topic)?.take(frame);
    else if (frame.type === "ack") this.#commands.take(frame);
    else if (frame.type === "error" && !this.#commands.take(frame)) {
      for (const subscription of this.#subscriptions.values()) if (subscription.isWaitingFor(frame.ref)) subscription.take(frame);
    }
  }

  #closedError() {
    return new JobError({ code: "closed", message: `Not connected: ${this.closeReason}.` });
  }

  #tellConnection() {
    if (this.connection === "closed") this.#commands.rejectAll(this.#closedError());
    for (const { listener } of [...this.#connectionListeners]) guard(() => listener(this.connection));
    for (const subscription of this.#subscriptions.values()) this.#note(subscription, null);
  }

  /** Remember to tell `entry` of a subscription, or all of its listeners. */
  #note(subscription, entry) {
    const noted = this.#changed.get(subscription);
    if (entry === null) this.#changed.set(subscription, null);
    else if (noted !== null) this.#changed.set(subscription, [...(noted ?? []), entry]);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => this.#tell());
  }

  #tell() {
    const changed = this.#changed;
    this.#changed = new Map();
    this.#isScheduled = false;
    for (const [subscription, entries] of changed) {
      const { job, logs, status, error } = subscription;
      const asOf = subscription.isLive ? this.#connection.heardAt : subscription.asOf;
      const about = { connection: this.connection, asOf, logs, status, error };
      for (const entry of entries ?? [...subscription.listeners]) {
        if (subscription.listeners.has(entry)) guard(() => entry.listener(job, about));
      }
    }
  }
}

/** One listener's mistake is not the others' trouble. */
function guard(call) {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function onNextFrame(callback) {
  if (globalThis.requestAnimationFrame && !globalThis.document?.hidden) requestAnimationFrame(callback);
  else queueMicrotask(callback);
}

function defaultSocketUrl(apiUrl) {
  const url = new URL("/ws/", new URL(apiUrl || "/", globalThis.location?.href ?? "http://localhost"));
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
