/** All that a client listens to: one topic for all who want the same, told once a frame, kept in the store. */

import { JobList } from "./job_list.js";
import { Notices } from "./notices.js";
import { Subscription } from "./subscription.js";

/** The topics of a client, by name. */
export class Topics {
  #client;
  #store;
  #notices;
  #topics = new Map();

  /** `client`: what a topic needs, and isUp(), connection(), requests(jobId); `schedule` as for `Notices`. */
  constructor({ client, store, schedule }) {
    this.#client = { ...client, changed: (topic) => this.#change(topic) };
    this.#store = store;
    this.#notices = new Notices({ schedule, tell: (topic, entry) => this.#tell(topic, entry) });
  }

  /** Call `listener` with the job and what is known about it, now and after each change; returns a function that ends it. */
  listenToJob(jobId, listener) {
    return this.#listen(`job:${jobId}`, listener, () => new Subscription(jobId, this.#client, this.#store));
  }

  /** Call `listener` with the jobs of topic `name`, now and after each change; returns a function that ends it. */
  listenToJobs(name, listener) {
    return this.#listen(name, listener, () => new JobList(name, this.#client, this.#store));
  }

  /** Return what is known of a job without asking for it: `{job, asOf}`, null when nothing is. */
  peek(jobId) {
    const topic = this.#topics.get(`job:${jobId}`);
    if (topic?.job) return { job: topic.job, asOf: topic.asOf };
    const kept = this.#store.read("job", jobId);
    return kept && { job: kept.value, asOf: kept.asOf };
  }

  /** There is a connection. */
  begin() {
    for (const topic of this.#topics.values()) topic.begin();
  }

  /** The connection is gone. */
  suspend() {
    for (const topic of this.#topics.values()) topic.suspend();
  }

  /** Take a frame that names its topic. */
  take(frame) {
    this.#topics.get(frame.topic)?.take(frame);
  }

  /** Take an error that may answer a `subscribe`. */
  takeError(frame) {
    for (const topic of this.#topics.values()) if (topic.isWaitingFor(frame.ref)) topic.take(frame);
  }

  /** Subscribe once more to a job that was not there. */
  retryJob(jobId) {
    const topic = this.#topics.get(`job:${jobId}`);
    if (topic?.error && this.#client.isUp()) topic.begin();
  }

  /** Forget what is held. */
  clear() {
    for (const topic of this.#topics.values()) topic.clear();
    this.noteAll();
  }

  /** The connection has changed, which every listener is told. */
  noteAll() {
    for (const topic of this.#topics.values()) this.#notices.note(topic);
  }

  /** The page may go without another word: tell what is not told and keep what is not kept. */
  leave() {
    this.#notices.give();
    for (const topic of this.#topics.values()) if (topic.isLive) this.#store.keepSoon(topic);
    this.#store.keepNow();
  }

  /** The attempt that a job is at, as far as is known here. */
  attemptOf(jobId) {
    const listed = [...this.#topics.values()].flatMap((topic) => topic.jobs ?? topic.job ?? []);
    const attempts = listed.filter((job) => job.jobId === jobId).map((job) => job.attempt);
    return attempts.length ? Math.max(...attempts) : undefined;
  }

  #listen(name, listener, makeTopic) {
    let topic = this.#topics.get(name);
    if (!topic) {
      topic = makeTopic();
      this.#topics.set(name, topic);
      if (this.#client.isUp()) topic.begin();
    }
    const entry = { listener };
    topic.listeners.add(entry);
    this.#notices.note(topic, entry);
    return () => this.#unlisten(topic, entry);
  }

  #unlisten(topic, entry) {
    // One view may take over from another in the same breath.
    if (topic.listeners.delete(entry)) queueMicrotask(() => this.#leaveUnheard(topic));
  }

  #leaveUnheard(topic) {
    if (topic.listeners.size > 0 || this.#topics.get(topic.topic) !== topic) return;
    this.#topics.delete(topic.topic);
    topic.end();
    this.#store.keepSoon(topic);
    this.#store.keepNow();
  }

  #change(topic) {
    this.#store.keepSoon(topic);
    this.#notices.note(topic);
  }

  #tell(topic, { listener }) {
    const [held, about] = topic.view();
    listener(held, { connection: this.#client.connection(), ...about, requests: this.#client.requests(topic.jobId) });
  }
}
