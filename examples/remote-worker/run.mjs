// One attempt of a job that this worker holds: numbers what the job writes, sends it, and notices when the job is not ours any more.

const SEND_EVERY_MS = 100;
const EVENTS_AT_ONCE = 100;
const TEXT_AT_ONCE = 10_000;

/** The attempt is over: cancelled, paused, given to another worker, or this worker ends. Let it pass through. */
export class Stopped extends Error {}

export class Run {
  #api;
  #pending = [];
  #half = "";
  #seq;
  #length;
  #sending = Promise.resolve();
  #timer;
  #stopped = null;

  constructor(job, api) {
    this.jobId = job.jobId;
    this.attempt = job.attempt;
    this.query = job.query;
    this.input = job.input;
    /** What the last checkpoint saved, null before the first: go on from there. */
    this.checkpointData = job.checkpoint;
    this.#api = api;
    this.#seq = Number(job.position.split("-")[1]);
    this.#length = job.streamingText.length; // what the checkpoint kept; JavaScript counts as the protocol does
    this.#timer = setInterval(() => this.#send().catch(() => {}), SEND_EVERY_MS);
  }

  /** Why the attempt is over, null while it goes on. */
  get stopped() {
    return this.#stopped;
  }

  stop(reason) {
    this.#stopped ??= reason;
  }

  check() {
    if (this.#stopped) throw new Stopped(this.#stopped);
  }

  /** Append to the text that viewers see streaming. */
  write(text) {
    this.check();
    text = this.#half + text;
    this.#half = /[\ud800-\udbff]$/.test(text) ? text.at(-1) : ""; // half a character waits for its other half
    text = text.slice(0, text.length - this.#half.length);
    const last = this.#pending.at(-1);
    if (last?.type === "text" && last.data.text.length + text.length <= TEXT_AT_ONCE) last.data.text += text;
    else for (const piece of pieces(text)) this.#pending.push({ type: "text", data: { text: piece } });
  }

  /** Report any of `progress` (0 to 100), `step` and `message`. */
  progress(data) {
    this.check();
    this.#pending.push({ type: "progress", data });
  }

  log(message, level = "info") {
    this.check();
    this.#pending.push({ type: "log", data: { level, message } });
  }

  /** Save the text so far, and `data`: a later attempt goes on from exactly here. */
  async checkpoint(data) {
    await this.#send();
    await this.#call("checkpoint", { seq: this.#seq, data });
    this.check();
  }

  complete(result) {
    return this.#end("complete", { result });
  }

  fail(code, message, { retry = false } = {}) {
    return this.#end("fail", { error: { code, message }, retry });
  }

  /** Give the job back: another worker goes on from the checkpoint. */
  release() {
    return this.#end("release", {});
  }

  async #end(verb, body) {
    clearInterval(this.#timer);
    await this.#send();
    await this.#call(verb, { seq: this.#seq, ...body });
  }

  /** Forget a job that is not ours any more. */
  drop() {
    clearInterval(this.#timer);
    this.#pending = [];
  }

  /** Send what is pending, one report after another. */
  #send() {
    this.#sending = this.#sending.then(() => this.#sendNow());
    const sent = this.#sending;
    this.#sending = sent.catch(() => {});
    return sent;
  }

  async #sendNow() {
    while (this.#pending.length > 0) {
      const events = [];
      for (let size = 0; this.#pending.length > 0 && events.length < EVENTS_AT_ONCE && size < 5 * TEXT_AT_ONCE; ) {
        const event = this.#pending.shift();
        if (event.type === "text") {
          event.data.offset = this.#length;
          this.#length += event.data.text.length;
          size += event.data.text.length;
        }
        events.push({ seq: ++this.#seq, ...event });
      }
      await this.#call("events", { events });
    }
  }

  async #call(verb, body) {
    try {
      return await this.#api.call(`jobs/${encodeURIComponent(this.jobId)}/${verb}`, { attempt: this.attempt, ...body });
    } catch (error) {
      this.stop(error.reason ?? error.code ?? "unreachable"); // what was not taken cannot be followed by anything
      throw error.code === "fenced" ? new Stopped(this.#stopped) : error;
    }
  }
}

/** Cut a long text, never inside a character. */
function* pieces(text) {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + TEXT_AT_ONCE);
    if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1])) end -= 1;
    yield text.slice(start, end);
    start = end;
  }
}
