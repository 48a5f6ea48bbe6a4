/** Commands that have no answer yet: sent again on each connection until one comes. */

import { JobError } from "./errors.js";

const RATE_LIMITED_WAIT_MS = 2000;
const DAY_MS = 24 * 3600_000;

/** The commands of a client. */
export class Commands {
  #client;
  #waiting = new Map(); // by ref, in the order in which they were given

  /** `client`: send(frame), nextRef(). */
  constructor(client) {
    this.#client = client;
  }

  /** Send a command, now or with the next connection; resolves with the job's summary. */
  give({ action, jobId, ifAttempt }) {
    const ref = this.#client.nextRef();
    const frame = { type: "command", ref, action, jobId, ifAttempt };
    return new Promise((resolve, reject) => {
      this.#waiting.set(ref, { frame, resolve, reject, givenAt: Date.now(), timer: null });
      this.#client.send(frame);
    });
  }

  /** There is a new connection: send what has no answer; what was given over a day ago is not meant any more. */
  begin() {
    for (const [ref, { frame, givenAt }] of [...this.#waiting]) {
      if (Date.now() - givenAt > DAY_MS) this.take({ type: "error", ref, code: "expired", message: "It waited for a connection for more than a day." });
      else this.#client.send(frame);
    }
  }

  /** The connection is gone; the next one begins with all that waits. */
  suspend() {
    for (const command of this.#waiting.values()) clearTimeout(command.timer);
  }

  /** Take an `ack` or an `error`; returns whether it answers a command. */
  take(frame) {
    const command = this.#waiting.get(frame.ref);
    if (!command) return false;
    if (frame.code === "rate_limited") {
      command.timer = setTimeout(() => this.#client.send(command.frame), RATE_LIMITED_WAIT_MS);
      return true;
    }
    this.#waiting.delete(frame.ref);
    if (frame.type === "ack") command.resolve(frame.job);
    else command.reject(new JobError(frame));
    return true;
  }

  /** Give up all that has no answer. */
  rejectAll(error) {
    this.suspend();
    for (const command of this.#waiting.values()) command.reject(error);
    this.#waiting.clear();
  }
}
