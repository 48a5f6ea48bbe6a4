/** One watched job: where this reader stands, and what to ask for when something is missing. */

import { Backoff } from "./backoff.js";
import { fold } from "./fold.js";
import { judge, parse } from "./position.js";
import { sha256 } from "./sha256.js";
import { Topic } from "./topic.js";

const LOG_LINES = 200;
const DAMAGE_FORGOTTEN_MS = 60_000;

/** What a client holds of one job, and its conversation with the server about it. */
export class Subscription extends Topic {
  /** The job as of its position; null until the first snapshot. */
  job = null;
  /** The log lines heard since, oldest first. */
  logs = [];
  /** How the worker is, as the last `status` frame had it. */
  status = null;
  /** How much text the present attempt began with, null when that was not heard here. */
  kept = null;

  #store;
  #position = null;
  #needsSnapshot = false;
  #gapAt = null;
  #damage;
  #damagedAt = 0;

  /** `client` as for every topic; `store` has what was held before. */
  constructor(jobId, client, store) {
    super(`job:${jobId}`, client);
    this.jobId = jobId;
    this.#store = store;
    this.#damage = new Backoff({ minSeconds: 1, maxSeconds: 30, random: client.random });
    this.#recall();
  }

  get held() {
    return this.job;
  }

  /** What a listener is told. */
  view() {
    const { job, asOf, logs, error, kept } = this;
    return [job, { asOf, logs, error, kept, status: this.isAwaiting ? null : this.status }];
  }

  after() {
    return this.job && !this.#needsSnapshot ? this.job.position : undefined;
  }

  /** Forget what is held, here and in the store. */
  clear() {
    this.#store.remove("job", this.jobId);
    this.job = this.status = this.kept = null;
    this.logs = [];
  }

  /** Keep what is held in the store. */
  keep(asOf) {
    if (this.job && !this.#needsSnapshot) this.#store.write("job", this.jobId, this.job, asOf);
  }

  #recall() {
    const kept = this.#store.read("job", this.jobId);
    if (typeof kept?.value?.streamingText !== "string") return;
    this.job = kept.value;
    this.#position = parse(this.job.position);
    this.recall(kept.asOf);
  }

  takeSubscribed({ position, textSha256 }) {
    const isSame = this.job && position === this.job.position;
    if (isSame && !this.#needsSnapshot && textSha256 && textSha256 !== sha256(this.job.streamingText)) this.#repair();
    else this.client.changed(this);
  }

  takeNews(frame) {
    if (frame.type === "snapshot") this.#takeSnapshot(frame);
    else if (frame.type === "events") this.#takeEvents(frame.events);
    else if (frame.type === "status") {
      this.status = frame;
      this.client.changed(this);
    }
  }

  #takeSnapshot({ job, position }) {
    this.#needsSnapshot = false;
    if (job.attempt !== this.job?.attempt) this.kept = null;
    this.job = { ...job, position };
    this.#position = parse(position);
    this.client.changed(this);
  }

  #takeEvents(events) {
    if (!this.job || this.#needsSnapshot) return; // a snapshot is on its way
    for (const event of events) {
      const verdict = judge(this.#position, event);
      if (verdict === "gap") {
        this.#closeGap();
        break;
      }
      if (verdict === "old") continue;
      try {
        this.job = fold(this.job, event);
      } catch {
        this.#repair();
        break;
      }
      this.#position = parse(this.job.position);
      this.#note(event);
    }
    this.client.changed(this);
  }

  #note(event) {
    this.client.noteTime(event.ts);
    if (event.seq === 0) this.kept = event.data.keepText;
    if (event.type !== "log") return;
    const line = { ts: event.ts, attempt: event.attempt, level: event.data.level, message: event.data.message };
    this.logs = [...this.logs.slice(1 - LOG_LINES), line];
  }

  #closeGap() {
    // Twice the same gap: what is missing cannot be had as events.
    if (this.#gapAt === this.job.position) this.#repair();
    else {
      this.#gapAt = this.job.position;
      this.begin();
    }
  }

  /** What is here is damaged, or cannot be brought up to date: have the job whole, and not too often. */
  #repair() {
    const now = Date.now();
    if (now - this.#damagedAt > DAMAGE_FORGOTTEN_MS) this.#damage.reset();
    this.#damagedAt = now;
    this.#gapAt = null;
    this.#needsSnapshot = true;
    this.beginLater(this.#damage.next());
  }
}
