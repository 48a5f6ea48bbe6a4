/** What a user asked for and the server has not answered: it waits for a connection, outlives the page, and goes out once and in order. */

import { JobError } from "./errors.js";
import { newJobId } from "./job_id.js";
import { guard } from "./notices.js";

const DAY_MS = 24 * 3600_000;
const RETRY_MS = 5000;
const FINISHED = 20; // that many answers are remembered
const NEXT_ATTEMPT = new Set(["resume", "retry"]); // actions that begin one

/**
 * The outbox of a client. An entry is `{id, action, jobId, ifAttempt, body, givenAt, state, error, job}`, its action `create` or a command,
 * its state `pending`, `sent`, `applied`, `refused` or `expired`.
 *
 * A page owns its entries as long as it lives, which a lock shows; what a page left behind, the next one takes up.
 */
export class Outbox {
  #options;
  #entries = []; // in the order in which they were given; replaced, never changed
  #promises = new Map(); // by entry id
  #busy = new Set(); // jobs that an entry is under way for: the next one waits for its answer
  #listeners = new Set();
  #retry = null;
  #page = newJobId();
  #letGo = null;
  #lastId = 0;

  /** `options`: store, command(action, jobId, options), create(body), attemptOf(jobId), isUp(), locks. */
  constructor(options) {
    this.#options = options;
  }

  /** What waits, and what has been answered lately. */
  get entries() {
    return this.#entries;
  }

  /** Create a job, as soon as may be. Its id holds from now on; `done` resolves with the job. */
  create(body) {
    const job = { jobId: newJobId(), ...body };
    return this.#add({ action: "create", jobId: job.jobId, body: job });
  }

  /** Command a job, at the attempt that is known here and at no later one. `done` resolves with the job's summary. */
  command(action, jobId, { ifAttempt = this.#attemptOf(jobId) } = {}) {
    return this.#add({ action, jobId, ifAttempt });
  }

  /** Call `listener` with the entries, now and whenever they change; returns a function that ends it. */
  onChange(listener) {
    const entry = { listener };
    this.#listeners.add(entry);
    guard(() => listener(this.#entries));
    return () => this.#listeners.delete(entry);
  }

  /** Show an answered entry no longer. */
  dismiss(id) {
    this.#become(this.#entries.filter((entry) => entry.id !== id || isWaiting(entry)));
  }

  /** Have nothing to do any more with what is in here; what is kept for the next page stays. */
  clear() {
    for (const { reject } of this.#promises.values()) reject(new JobError({ code: "closed", message: "Not connected." }));
    this.#promises.clear();
    this.#become([]);
    this.#disown();
  }

  /** There is a connection: take up what earlier pages left, and send. */
  async begin() {
    this.#send();
    for (const id of this.#options.store.ids("outbox")) await this.#takeUp(id);
    this.#send();
  }

  #add({ action, jobId, ...rest }) {
    const givenAt = Date.now();
    this.#lastId = Math.max(givenAt, this.#lastId + 1); // so that the order of ids is that of giving
    const id = `${String(this.#lastId).padStart(15, "0")}-${newJobId().slice(-12)}`;
    const entry = { id, action, jobId, ...rest, givenAt, state: "pending" };
    const done = new Promise((resolve, reject) => this.#promises.set(id, { resolve, reject }));
    done.catch(() => {}); // whoever does not ask hears of it from `entries`
    if (action !== "create" && entry.ifAttempt === undefined) {
      this.#become([...this.#entries, entry]);
      this.#finish(entry, { state: "refused", error: new JobError({ code: "conflict", message: "The job's attempt is not known here." }) });
    } else {
      this.#own();
      this.#save(entry);
      this.#become([...this.#entries, entry]);
      this.#send();
    }
    return { id, jobId, done };
  }

  /** The attempt that a job will be at when all is applied that waits before. */
  #attemptOf(jobId) {
    const before = this.#entries.filter((entry) => entry.jobId === jobId && isWaiting(entry));
    const known = this.#options.attemptOf(jobId) ?? (before.some(({ action }) => action === "create") ? 1 : undefined);
    return known === undefined ? undefined : known + before.filter(({ action }) => NEXT_ATTEMPT.has(action)).length;
  }

  #send() {
    for (const entry of this.#entries) {
      if (!isWaiting(entry) || this.#busy.has(entry.jobId)) continue;
      this.#busy.add(entry.jobId);
      this.#sendOne(entry);
    }
  }

  async #sendOne(entry) {
    // A new job needs no socket.
    const mayGo = this.#options.isUp() || (entry.action === "create" && entry.state === "pending" && !entry.isTried);
    const outcome = isExpired(entry) ? { state: "expired" } : mayGo ? await this.#ask(entry) : null;
    this.#busy.delete(entry.jobId);
    if (outcome?.state) this.#finish(this.#find(entry.id), outcome);
    if (outcome?.state) this.#send();
    else if (outcome) this.#retry ??= setTimeout(() => this.#tryAgain(), RETRY_MS);
  }

  /** Send an entry; returns what became of it, an empty object when it is to be tried again. */
  async #ask({ id, action, jobId, body, ifAttempt }) {
    this.#replace(id, { state: "sent", isTried: true });
    try {
      const { create, command } = this.#options;
      return { state: "applied", job: await (action === "create" ? create(body) : command(action, jobId, { ifAttempt })) };
    } catch (error) {
      if (error.code === "expired") return { state: "expired" };
      if (!mayPass(error)) return { state: "refused", error };
      this.#replace(id, { state: "pending" });
      return {};
    }
  }

  #tryAgain() {
    this.#retry = null;
    if (this.#options.isUp()) this.#send();
  }

  #finish(entry, outcome) {
    if (!entry) return; // forgotten meanwhile
    const { resolve, reject } = this.#promises.get(entry.id) ?? {};
    this.#promises.delete(entry.id);
    this.#options.store.remove("outbox", entry.id);
    this.#replace(entry.id, outcome, { isSaved: false });
    if (outcome.state === "applied") resolve?.(outcome.job);
    else reject?.(outcome.error ?? new JobError({ code: "expired", message: "It waited for a connection for more than a day." }));
    if (!this.#entries.some(isWaiting)) this.#disown();
  }

  #find(id) {
    return this.#entries.find((entry) => entry.id === id);
  }

  #replace(id, change, { isSaved = true } = {}) {
    const entries = this.#entries.map((entry) => (entry.id === id ? { ...entry, ...change } : entry));
    const finished = entries.filter((entry) => !isWaiting(entry));
    const forgotten = new Set(finished.slice(0, -FINISHED));
    this.#become(entries.filter((entry) => !forgotten.has(entry)));
    if (isSaved) this.#save(this.#find(id));
  }

  #become(entries) {
    this.#entries = entries;
    for (const { listener } of [...this.#listeners]) guard(() => listener(entries));
  }

  #save(entry) {
    if (entry) this.#options.store.write("outbox", entry.id, { ...entry, page: this.#page }, Date.now());
  }

  /** Take up an entry whose page is gone. */
  async #takeUp(id) {
    const { store, locks } = this.#options;
    const page = store.read("outbox", id)?.value.page;
    if (page === undefined || page === this.#page) return;
    const take = () => {
      const found = store.read("outbox", id)?.value;
      if (found?.page !== page) return; // another page was faster
      this.#own();
      const entry = { ...found, state: "pending" };
      this.#save(entry);
      this.#become([...this.#entries, entry].sort((a, b) => (a.id < b.id ? -1 : 1)));
    };
    if (locks) await locks.request(lockName(page), { ifAvailable: true }, (lock) => lock && take());
    else take();
  }

  #own() {
    if (this.#letGo || !this.#options.locks) return;
    const held = new Promise((resolve) => (this.#letGo = resolve));
    const locked = this.#options.locks.request(lockName(this.#page), () => held);
    locked.catch(() => {}); // without it another page may send the same, which the server takes for one
  }

  #disown() {
    this.#letGo?.();
    this.#letGo = null;
  }
}

const lockName = (page) => `realtime-outbox:${page}`;
const isWaiting = ({ state }) => state === "pending" || state === "sent";
const isExpired = ({ givenAt }) => Date.now() - givenAt > DAY_MS;

/** Tell whether what went wrong may go well later: no connection, no sign-in, a server that has trouble. */
function mayPass({ status, code }) {
  if (status) return status === 401 || status === 408 || status === 429 || status >= 500;
  return code === undefined || code === "closed" || code === "unavailable" || code === "rate_limited";
}
