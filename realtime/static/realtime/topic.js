/** What one may subscribe to, and the conversation with the server about it; what its frames mean is said by those that extend it. */

const RETRY_SECONDS = 2;
const TRANSIENT = new Set(["rate_limited", "unavailable"]);

/**
 * A topic that somebody here listens to. What extends it has `held`, `view()`, `after()`, `takeSubscribed(frame)`, `takeNews(frame)`,
 * `keep(asOf)` and `clear()`.
 */
export class Topic {
  /** Who wants to know. */
  listeners = new Set();
  /** Why there is nothing to watch, `{code, message}`. */
  error = null;
  /** Frames of the topic are dropped until `subscribed`. */
  isAwaiting = true;

  #asOf = null;
  #ref = null;
  #timer = null;

  /** `client`: send(frame), nextRef(), changed(topic), heardAt(), noteTime(ts), random. */
  constructor(topic, client) {
    this.topic = topic;
    this.client = client;
  }

  /** Whether what happens arrives here now. */
  get isLive() {
    return !this.isAwaiting && this.held !== null;
  }

  /** When what is held was last known to be so, in Unix milliseconds. */
  get asOf() {
    return this.isLive ? this.client.heardAt() : this.#asOf;
  }

  /** Ask for what comes after that which is held, or for all. */
  begin() {
    this.suspend();
    this.#ref = this.client.nextRef();
    this.client.send({ type: "subscribe", ref: this.#ref, topic: this.topic, after: this.after() });
  }

  /** Begin after some time. */
  beginLater(seconds) {
    this.suspend();
    if (seconds === 0) this.begin();
    else this.#timer = setTimeout(() => this.begin(), seconds * 1000);
  }

  /** Hear nothing any more, until the next `begin`. */
  suspend() {
    this.#asOf = this.asOf;
    this.isAwaiting = true;
    this.#ref = null;
    clearTimeout(this.#timer);
  }

  /** Take up what was kept at some time. */
  recall(asOf) {
    this.#asOf = asOf;
  }

  /** Take leave of the server. */
  end() {
    this.suspend();
    this.client.send({ type: "unsubscribe", ref: this.client.nextRef(), topic: this.topic });
  }

  /** Take a frame of this topic, or the answer to its `subscribe`. */
  take(frame) {
    if (frame.type === "subscribed") this.#takeSubscribed(frame);
    else if (frame.type === "error") this.#takeError(frame);
    else if (frame.type === "unsubscribed") this.#takeUnsubscribed(frame);
    else if (!this.isAwaiting) this.takeNews(frame);
  }

  /** Whether the frame with this ref answers the subscribe that is under way. */
  isWaitingFor(ref) {
    return ref !== null && ref === this.#ref;
  }

  #takeSubscribed(frame) {
    if (!this.isWaitingFor(frame.ref)) return;
    this.isAwaiting = false;
    this.error = null;
    this.takeSubscribed(frame);
  }

  #takeError({ code, message }) {
    this.#ref = null;
    if (TRANSIENT.has(code)) this.beginLater(RETRY_SECONDS);
    else this.#fail({ code, message });
  }

  #takeUnsubscribed({ reason }) {
    if (reason) this.#fail({ code: reason, message: reason === "deleted" ? "This job was deleted." : reason });
  }

  #fail(error) {
    this.suspend();
    this.clear();
    this.error = error;
    this.client.changed(this);
  }
}
