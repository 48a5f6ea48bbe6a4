/** A server in this process that speaks the protocol: sockets, feeds, and faults on request. */

import { createHash } from "node:crypto";

import { fold } from "../../realtime/static/realtime/fold.js";
import { parse } from "../../realtime/static/realtime/position.js";
import { CLOSED } from "../../realtime/static/realtime/protocol.js";

export const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** Wait until everything that is under way without a timer has happened. */
export const settle = async () => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** What lists and answers have of a job. */
export const summary = ({ streamingText, input, result, ...rest }) => rest;

const NEW = { position: "0-0", attempt: 0, state: null, progress: 0, step: null, steps: [], message: null, streamingText: "",
  result: null, error: null, startedAt: null, finishedAt: null }; // prettier-ignore

/** Events of one job, numbered as its writer would number them; `job` is their fold. */
export class Feed {
  job = { jobId: "j1", type: "search", query: "why", createdAt: "2025-11-21T10:00:00.000Z", updatedAt: "2025-11-21T10:00:00.000Z", ...NEW };
  events = [];
  ts = 1763740000000;
  /** How many events the log holds. */
  logLength = 200;

  constructor(jobId = "j1") {
    this.job.jobId = jobId;
    this.write("state", { state: "created", keepText: 0, keepSeq: 0, progress: 0, step: null, steps: [], message: null });
    this.write("state", { state: "running" });
  }

  write(type, data, { attempt = this.job.attempt || 1, seq = this.events.length && parse(this.job.position).seq + 1 } = {}) {
    const event = { type, jobId: this.job.jobId, attempt, seq, ts: (this.ts += 50), data };
    this.job = fold(this.job, event);
    this.events.push(event);
    return event;
  }

  text(text) {
    return this.write("text", { offset: this.job.streamingText.length, text });
  }

  close(state, more = {}) {
    const { streamingText, progress, step, steps, message, position } = this.job;
    const data = { state, lastSeq: parse(position).seq, textLength: streamingText.length, textSha256: sha256(streamingText),
      progress, step, steps, message, result: null, error: null, ...more }; // prettier-ignore
    return this.write("state", data, { seq: CLOSED });
  }

  requeue(keepText, keepSeq = 0) {
    const data = { state: "created", reason: "worker_lost", keepText, keepSeq, progress: 0, step: null, steps: [], message: null };
    return this.write("state", data, { attempt: this.job.attempt + 1, seq: 0 });
  }

  /** The events after `position`, null when they do not reach back to it. */
  after(position) {
    const index = this.events.findIndex((event) => `${event.attempt}-${event.seq}` === position);
    return index < 0 || this.events.length - index > this.logLength ? null : this.events.slice(index + 1);
  }
}

/** The server's end of all sockets that a client has opened. `automatic` welcomes and answers; without it a test says every frame. */
export class FakeServer {
  sockets = [];
  feeds = new Map();
  automatic = true;
  /** Sockets are refused with this code as long as it is set. */
  refusing = null;
  heartbeatSeconds = 20;
  user = "ann";
  /** What the network makes of a frame on its way to a client: the frames that arrive. */
  wire = (frame) => [frame];

  constructor() {
    const server = this;
    this.WebSocket = class {
      constructor(url) {
        this.url = url;
        this.received = [];
        this.topics = new Set();
        this.isOpen = true;
        server.sockets.push(this);
        queueMicrotask(() => server.#connected(this));
      }

      send(text) {
        const frame = JSON.parse(text);
        this.received.push(frame);
        queueMicrotask(() => server.automatic && this.isOpen && server.answer(this, frame));
      }

      close() {
        this.isOpen = false;
      }

      say(frame) {
        if (typeof frame === "string") this.onmessage?.({ data: frame });
        else for (const arrived of server.wire(frame, this)) this.onmessage?.({ data: JSON.stringify(arrived) });
      }

      drop(code = 1006) {
        this.isOpen = false;
        this.onclose?.({ code });
      }

      /** The frames of one type that the client has sent. */
      frames(type) {
        return this.received.filter((frame) => frame.type === type);
      }
    };
  }

  /** The newest socket. */
  get socket() {
    return this.sockets.at(-1);
  }

  feed(jobId = "j1") {
    if (!this.feeds.has(jobId)) this.feeds.set(jobId, new Feed(jobId));
    return this.feeds.get(jobId);
  }

  /** Send events to those that watch. */
  publish(...events) {
    const topic = `job:${events[0].jobId}`;
    for (const socket of this.sockets) if (socket.isOpen && socket.topics.has(topic)) socket.say({ type: "events", topic, events });
  }

  /** Send summaries to those that watch a list. */
  publishJobs(jobs, { removed = [], topic = "jobs" } = {}) {
    for (const socket of this.sockets) if (socket.isOpen && socket.topics.has(topic)) socket.say({ type: "jobs", topic, jobs, removed });
  }

  #connected(socket) {
    if (this.refusing) socket.drop(this.refusing);
    else if (socket.isOpen) socket.onopen?.();
  }

  answer(socket, frame) {
    if (frame.type === "auth") {
      const { heartbeatSeconds, user } = this;
      socket.say({ type: "welcome", protocol: 1, user, heartbeatSeconds, expiresAt: Date.now() + 900_000 });
    } else if (frame.type === "subscribe") this.#subscribe(socket, frame);
    else if (frame.type === "unsubscribe") {
      socket.topics.delete(frame.topic);
      socket.say({ type: "unsubscribed", ref: frame.ref, topic: frame.topic });
    } else if (frame.type === "ping") socket.say({ type: "pong" });
    else if (frame.type === "command") this.#command(socket, frame);
  }

  #command(socket, { ref, action, jobId, ifAttempt }) {
    const feed = this.feeds.get(jobId);
    if (!feed) socket.say({ type: "ack", ref, job: { jobId, state: "cancelled" } });
    else if (ifAttempt !== undefined && ifAttempt !== feed.job.attempt) {
      socket.say({ type: "error", ref, code: "conflict", message: `The job is at attempt ${feed.job.attempt}.` });
    } else {
      this.publish(this.#apply(feed, action));
      socket.say({ type: "ack", ref, job: summary(feed.job) });
    }
  }

  #apply(feed, action) {
    if (action === "cancel") return feed.close("cancelled");
    if (action === "pause") return feed.close("paused");
    return feed.requeue(action === "retry" ? 0 : feed.job.streamingText.length);
  }

  #subscribe(socket, { ref, topic, after }) {
    if (topic.startsWith("jobs")) {
      socket.topics.add(topic);
      socket.say({ type: "subscribed", ref, topic, position: null, recovered: false });
      socket.say({ type: "jobs", topic, jobs: [...this.feeds.values()].map(({ job }) => summary(job)), removed: [] });
      return;
    }
    const feed = this.feeds.get(topic.slice(4));
    if (!feed) {
      socket.say({ type: "error", ref, code: "not_found", message: "There is no such job." });
      return;
    }
    const { job } = feed;
    const missed = after === undefined ? null : feed.after(after);
    const closed = parse(job.position).seq === CLOSED && { textSha256: sha256(job.streamingText) };
    socket.topics.add(topic);
    socket.say({ type: "subscribed", ref, topic, position: job.position, recovered: missed !== null, ...closed });
    if (missed === null) socket.say({ type: "snapshot", topic, position: job.position, job });
    else if (missed.length) socket.say({ type: "events", topic, events: missed });
  }
}
