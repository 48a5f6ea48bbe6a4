/** What stays when a page goes: the jobs last seen, the list of jobs, the outbox. In localStorage, or as long as the client lives. */

const PREFIX = "realtime:1";
const MAX_CHARACTERS = 2_000_000; // of the 5 million or so that browsers give to an origin
const KEEP_EVERY_MS = 5000;

/** The memory of one user's client. A kept value stands for itself: what another tab writes is as true as what this one does. */
export class Store {
  /** How many jobs are kept. */
  limit = 50;

  #storage;
  #prefix;
  #unsaved = new Set();
  #timer = null;

  /** @param {{user?: string | null, storage?: Storage}} options without `user`, nothing outlives the client */
  constructor({ user = null, storage = user === null ? new Memory() : pageStorage() } = {}) {
    this.#storage = storage;
    this.#prefix = `${PREFIX}:${encodeURIComponent(user ?? "")}:`;
  }

  /** Return `{value, asOf}`, null when there is none that can be read. */
  read(kind, id) {
    try {
      const [, asOf, json] = /^(\d+) (.*)$/s.exec(this.#storage.getItem(this.#key(kind, id)));
      return { value: JSON.parse(json), asOf: Number(asOf) };
    } catch {
      return null; // nothing there, or nothing that a client has written
    }
  }

  /** Keep a value; the jobs that were seen least lately make room. Returns whether there was room. */
  write(kind, id, value, asOf) {
    const text = `${Math.round(asOf)} ${JSON.stringify(value)}`;
    for (;;) {
      try {
        this.#storage.setItem(this.#key(kind, id), text);
        break;
      } catch {
        if (!this.#dropOldest()) return false;
      }
    }
    if (kind === "job") this.#makeRoom();
    return true;
  }

  /** Forget one value. */
  remove(kind, id) {
    this.#storage.removeItem(this.#key(kind, id));
  }

  /** Return the ids of all that is kept of a kind, in order. */
  ids(kind) {
    const prefix = this.#key(kind, "");
    return this.#keys(prefix).map((key) => key.slice(prefix.length)).sort(); // prettier-ignore
  }

  /** Forget all that is kept for this user, or all of some kinds. */
  forget(kinds = [""]) {
    this.#unsaved.clear();
    for (const kind of kinds) for (const key of this.#keys(this.#prefix + kind)) this.#storage.removeItem(key);
  }

  /** Keep nothing for this user any more, and touch nothing that is kept. */
  detach() {
    this.#unsaved.clear();
    this.#storage = new Memory();
  }

  /** Have `topic.keep(asOf)` called soon, once for all that changes meanwhile. */
  keepSoon(topic) {
    this.#unsaved.add(topic);
    this.#timer ??= setTimeout(() => this.keepNow(), KEEP_EVERY_MS);
  }

  /** Keep what is not kept yet. */
  keepNow() {
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const topic of this.#unsaved) topic.keep(topic.asOf);
    this.#unsaved.clear();
  }

  #key(kind, id) {
    return `${this.#prefix}${kind}:${id}`;
  }

  #keys(prefix) {
    const keys = Array.from({ length: this.#storage.length }, (_, index) => this.#storage.key(index));
    return keys.filter((key) => key?.startsWith(prefix));
  }

  /** The kept jobs of this user: keys, times and sizes, those seen last first. */
  #jobs() {
    const jobs = this.#keys(this.#key("job", "")).map((key) => {
      const text = this.#storage.getItem(key) ?? "";
      return { key, asOf: Number.parseInt(text, 10) || 0, size: text.length };
    });
    return jobs.sort((a, b) => b.asOf - a.asOf);
  }

  #makeRoom() {
    let size = 0;
    for (const [index, job] of this.#jobs().entries()) {
      size += job.size;
      if (index >= this.limit || (size > MAX_CHARACTERS && index > 0)) this.#storage.removeItem(job.key);
    }
  }

  #dropOldest() {
    const oldest = this.#jobs().at(-1);
    if (oldest) this.#storage.removeItem(oldest.key);
    return oldest !== undefined;
  }
}

/** Storage that goes with the page. */
class Memory {
  #items = new Map();

  get length() {
    return this.#items.size;
  }

  key(index) {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  setItem(key, text) {
    this.#items.set(key, text);
  }

  removeItem(key) {
    this.#items.delete(key);
  }
}

function pageStorage() {
  try {
    return globalThis.localStorage ?? new Memory();
  } catch {
    return new Memory(); // the user's settings forbid it
  }
}
