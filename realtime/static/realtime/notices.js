/** Who is to be told what, once for all that happens before the next frame is drawn. */

/** The notices that are not given yet. */
export class Notices {
  #schedule;
  #changed = new Map(); // topic → the entries to tell, null for all of them
  #isScheduled = false;
  #tellOne;

  /** `schedule(callback)` calls it back before the next frame; `tell(topic, entry)` tells one listener. */
  constructor({ schedule = onNextFrame, tell }) {
    this.#schedule = schedule;
    this.#tellOne = tell;
  }

  /** Remember to tell one `entry` of a topic, or all of its listeners. */
  note(topic, entry = null) {
    const noted = this.#changed.get(topic);
    if (entry === null) this.#changed.set(topic, null);
    else if (noted !== null) this.#changed.set(topic, [...(noted ?? []), entry]);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => this.give());
  }

  /** Tell all that is noted, now. */
  give() {
    const changed = this.#changed;
    this.#changed = new Map();
    this.#isScheduled = false;
    for (const [topic, entries] of changed) {
      for (const entry of entries ?? [...topic.listeners]) {
        if (topic.listeners.has(entry)) guard(() => this.#tellOne(topic, entry));
      }
    }
  }
}

/** Call a listener; its mistake is not the others' trouble. */
export function guard(call) {
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
