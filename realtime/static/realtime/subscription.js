/** One watched job: where this reader stands, and what to ask for when something is missing. */

import { Backoff } from "./backoff.js";
import { fold } from "./fold.js";
import { judge, parse } from "./position.js";
import { sha256 } from "./sha256.js";

const LOG_LINES = 200;
const DAMAGE_FORGOTTEN_MS = 60_000;
const RETRY_SECONDS = 2;
const TRANSIENT = new Set(["rate_limited", "unavailable"]);

/** What a client holds of one job, and its conversation with the server about it. */
export class Subscription {
  /** Who wants to know. */
  listeners = new Set();
  /** The job as of its position; null until the first snapshot. */
  job = null;
  /** The log lines heard since, oldest first. */
  logs = [];
  /** How the worker is, as the last `status` frame had it. */
  status = null;
  /** Why there is nothing to watch, `{code, message}`. */
  error = null;
  /** When the job was last known to be as it is here, in Unix milliseconds; see `isLive`. */
  asOf = null;

  #client;
  #position = null;
  #ref = null;
  #isAwaiting = true; // frames of the topic are dropped until `subscribed`
  #needsSnapshot = false;
  #gapAt = null;
  #timer = null;
  #damage;
  #damagedAt = 0;

  /** `client`: send(frame), nextRef(), changed(subscription), noteTime(ts), random. */
  constructor(jobId, client) {
    this.topic = `job:${jobId}`;
    this.#client = client;
    this.#damage = new Backoff({ minSeconds: 1, maxSeconds: 30, random: client.random });
  }

  /** Whether what happens to the job arrives here now. */
  get isLive() {
    return !this.#isAwaiting && this.job !== null;
  }

  /** Ask for what comes after the position that is here, or for a snapshot. */
  begin() {
    this.#leaveTimer();
    this.#isAwaiting = true;
    this.#ref = this.#client.nextRef();
    const after = this.job && !this.#needsSnapshot ? this.job.position : undefined;
    this.#client.send({ type: "subscribe", ref: this.#ref, topic: this.topic, after });
  }

  /** Note that the connection is gone; `heardAt` is when it last said something. */
  suspend(heardAt) {
    if (this.isLive) this.asOf = heardAt;
    this.status = null;
    this.#isAwaiting = true;
    this.#ref = null;
    this.#leaveTimer();
  }

  /** Take leave of the server. */
  end() {
    this.suspend(null);
    this.#client.send({ type: "unsubscribe", ref: this.#client.nextRef(), topic: this.topic });
  }

  /** Take a frame of this topic, or the answer to its `subscribe`. */
  take(frame) {
    if (frame.type === "subscribed") this.#takeSubscribed(frame);
    else if (frame.type === "error") this.#takeError(frame);
    else if (frame.type === "unsubscribed") this.#takeUnsubscribed(frame);
    else if (this.#isAwaiting) return;
    else if (frame.type === "snapshot") this.#takeSnapshot(frame);
    else if (frame.type === "events") this.#takeEvents(frame.events);
    else if (frame.type === "status") {
      this.status = frame;
      this.#client.changed(this);
    }
  }

  /** Whether the frame with this ref answers the subscribe that is under way. */
  isWaitingFor(ref) {
    return ref !== null && ref === this.#ref;
  }

  #takeSubscribed({ ref, position, textSha256 }) {
    if (!this.isWaitingFor(ref)) return;
    this.#isAwaiting = false;
    this.error = null;
    const isSame = this.job && position === this.job.position;
    if (isSame && !this.#needsSnapshot && textSha256 && textSha256 !== sha256(this.job.streamingText)) this.#repair();
    else this.#client.changed(this);
  }

  #takeSnapshot({ job, position }) {
    this.#needsSnapshot = false;
    this.job = { ...job, position };
    this.#position = parse(position);
    this.#client.changed(this);
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
    this.#client.changed(this);
  }

  #note(event) {
    this.#client.noteTime(event.ts);
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
    this.#beginLater(this.#damage.next());
  }

  #takeError({ code, message }) {
    this.#ref = null;
    if (TRANSIENT.has(code)) this.#beginLater(RETRY_SECONDS);
    else this.#fail({ code, message });
  }

  #takeUnsubscribed({ reason }) {
    if (reason) this.#fail({ code: reason, message: reason === "deleted" ? "This job was deleted." : reason });
  }

  #fail(error) {
    this.error = error;
    this.job = this.status = null;
    this.#isAwaiting = true;
    this.#client.changed(this);
  }

  #beginLater(seconds) {
    this.#isAwaiting = true;
    this.#ref = null;
    if (seconds === 0) this.begin();
    else this.#timer = setTimeout(() => this.begin(), seconds * 1000);
  }

  #leaveTimer() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }
}
