/** A client before a fake server, in a page and a time that the test moves by hand. */

import { mock } from "node:test";

import { JobClient } from "../../realtime/static/realtime/client.js";
import { FakeServer, settle } from "./fake_server.js";

/** When the tests' time begins: that of the feeds. */
export const START = 1763740000000;

/** Let the test move the time; `advance` does. */
export function stopTime(t) {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: START });
  t.after(() => mock.timers.reset());
}

/** Let time pass, and what it brings about happen; in small steps, so that what waits for an answer gets it in time. */
export async function advance(seconds, stepMs = 250) {
  await settle();
  for (let left = Math.round(seconds * 1000); left > 0; left -= stepMs) {
    mock.timers.tick(Math.min(stepMs, left));
    await settle();
  }
}

/** The same numbers for the same seed: mulberry32. */
export function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A server, a page and a client that is not connected yet. Waits are the longest that the client may choose. */
export function rig(options = {}) {
  const { server = new FakeServer(), ...rest } = options;
  const page = new EventTarget();
  const states = [];
  const client = new JobClient({
    ...{ socketUrl: "ws://jobs.example/ws/", token: "t1", WebSocket: server.WebSocket, wakeups: page, random: () => 1 },
    ...rest,
  });
  client.onConnection((state) => states.push(state));
  return { server, page, client, states, wake: (type) => page.dispatchEvent(new Event(type)) };
}

/** localStorage, as much of it as `room` characters. */
export class FakeStorage {
  #items = new Map();

  constructor(room = 5_000_000) {
    this.room = room;
  }

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
    const others = [...this.#items].filter(([name]) => name !== key);
    const used = others.reduce((sum, [name, value]) => sum + name.length + value.length, key.length + text.length);
    if (used > this.room) throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
    this.#items.set(key, text);
  }

  removeItem(key) {
    this.#items.delete(key);
  }

  /** All keys, without what they have in common. */
  get keys() {
    return [...this.#items.keys()].map((key) => key.replace("realtime:1:", ""));
  }
}

/** navigator.locks, of several pages: `close(page)` lets go of what a page holds. */
export class FakeLocks {
  #held = new Set();

  /** The locks as one page sees them. */
  page() {
    const mine = new Set();
    return {
      request: async (name, options, callback = options) => {
        if (this.#held.has(name)) return callback(null);
        this.#held.add(name);
        mine.add(name);
        await callback({ name });
        if (mine.delete(name)) this.#held.delete(name);
      },
      close: () => {
        for (const name of mine) this.#held.delete(name);
        mine.clear();
      },
    };
  }
}

/** A rig whose client is connected. */
export async function connected(options) {
  const all = rig(options);
  all.client.connect();
  await settle();
  return all;
}

/** Watch a job; `seen` holds what the listener was told, `seen.job` and `seen.about` the last of it. */
export function watch(client, jobId = "j1") {
  const seen = { told: [], job: undefined, about: undefined };
  seen.end = client.subscribe(jobId, (job, about) => {
    seen.told.push({ job, about });
    Object.assign(seen, { job, about });
  });
  return seen;
}
