/** The newest jobs of a user, or of all for staff: summaries that come as they change. */

import { compare, parse } from "./position.js";
import { Topic } from "./topic.js";

const MAX_JOBS = 200;

/** The jobs of topic `jobs` or `jobs:all`. */
export class JobList extends Topic {
  /** The summaries, newest first; null until they are known. */
  jobs = null;

  #store;
  #isAnew = false; // the next frame holds the newest of all, so that what is not in it is gone

  /** `client` as for every topic; `store` has what was held before. */
  constructor(topic, client, store) {
    super(topic, client);
    this.#store = store;
    const kept = store.read("list", topic);
    if (!Array.isArray(kept?.value)) return;
    this.jobs = kept.value;
    this.recall(kept.asOf);
  }

  get held() {
    return this.jobs;
  }

  /** What a listener is told. */
  view() {
    return [this.jobs, { asOf: this.asOf, error: this.error }];
  }

  /** Nothing: a list has no position, and comes whole. */
  after() {}

  /** Forget what is held, here and in the store. */
  clear() {
    this.#store.remove("list", this.topic);
    this.jobs = null;
  }

  /** Keep what is held in the store. */
  keep(asOf) {
    if (this.jobs) this.#store.write("list", this.topic, this.jobs.slice(0, this.#store.limit), asOf);
  }

  takeSubscribed() {
    this.#isAnew = true;
  }

  takeNews({ type, jobs = [], removed = [] }) {
    if (type !== "jobs") return;
    const held = new Map(this.jobs?.map((job) => [job.jobId, job]));
    const merged = this.#isAnew ? new Map() : new Map(held);
    this.#isAnew = false;
    for (const job of jobs) merged.set(job.jobId, newerOf(held.get(job.jobId), job));
    for (const jobId of removed) merged.delete(jobId);
    this.jobs = [...merged.values()].sort(byAge).slice(0, MAX_JOBS);
    this.client.changed(this);
  }
}

/** Of two summaries of a job: the one at the higher position; at the same one, the one that was changed later. */
function newerOf(held, news) {
  if (!held) return news;
  const order = compare(parse(news.position), parse(held.position));
  return order > 0 || (order === 0 && news.updatedAt >= held.updatedAt) ? news : held;
}

function byAge(a, b) {
  return order(b.createdAt, a.createdAt) || order(b.jobId, a.jobId);
}

const order = (a, b) => (a < b ? -1 : Number(a > b));
