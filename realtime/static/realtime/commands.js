/** Commands that have no answer yet: sent again on each connection until one comes. */

import { JobError } from "./errors.js";

const RATE_LIMITED_WAIT_MS = 2000;

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
      this.#waiting.set(ref, { frame, resolve, reject, timer: null });
      this.#client.send(frame);
    });
  }

  /** There is a new connection: send what has no answer. */
  begin() {
    for (const { frame } of this.#waiting.values()) this.#client.send(frame);
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
