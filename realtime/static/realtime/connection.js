/** One socket after another: signs in, notices when nothing is heard any more, comes back. Knows nothing of jobs. */

import { Backoff } from "./backoff.js";
import { SignedOut } from "./errors.js";
import { asksForTime, CLOSE_CODES, mayReconnect, SIGN_IN_EXPIRED } from "./protocol.js";

const SIGN_IN_SECONDS = 15;
const PROBE_SECONDS = 5;
const RENEWAL_RETRY_SECONDS = 5;
const STABLE_SECONDS = 5;
// A try that reaches no server costs nobody anything. Counted in full, one whose server was away for half a minute would wait up to a
// quarter minute longer, for nothing; so 95 of 100 are back within 6 s.
const UNHEARD_WEIGHS = 1 / 6;

/**
 * The connection of a client. `state` is `connecting`, `online`, `degraded` (updates come late, from the database),
 * `offline` (trying again) or `closed` (for good; `reason` says why).
 */
export class Connection {
  state = "closed";
  reason = "not connected yet";
  /** The code that the server closed for good with, null while it has not. */
  code = null;
  /** When the server was last heard, in Unix milliseconds. */
  heardAt = 0;
  /** By how many milliseconds this machine's clock is ahead of the server's, as far as is known. */
  clockAhead = 0;

  #options;
  #socket = null;
  #welcomedAt = 0; // 0: not welcomed yet
  #life = 0; // counts sockets, so that what belongs to an earlier one is known as such
  #heartbeatMs = 20_000;
  #deadline = 0;
  #isProbing = false; // a ping of ours is not answered yet
  #watchdog;
  #retry = null;
  #backoff;
  #reachedServer = false; // by the try under way
  #refusedToken;
  #unlisten;

  /** `options`: socketUrl, getToken, deviceId, WebSocket, random, wakeups, and onState(), onWelcome(frame), onFrame(frame), onLost() to call. */
  constructor(options) {
    this.#options = options;
    this.#backoff = new Backoff({ random: options.random });
  }

  /** Connect, and come back whenever the connection is lost. */
  open() {
    if (this.state !== "closed") return;
    this.#backoff.reset();
    this.#refusedToken = undefined;
    this.#listenForWakeups();
    this.#become("connecting");
    this.#attempt();
  }

  /** Leave for good. */
  close() {
    this.#stop("closed here");
  }

  /** Whether the server has welcomed this socket. */
  get isUp() {
    return this.#welcomedAt > 0;
  }

  /** Send a frame if the connection is up; returns whether it was. */
  send(frame) {
    if (this.isUp) this.#socket.send(JSON.stringify(frame));
    return this.isUp;
  }

  async #attempt() {
    clearTimeout(this.#retry);
    this.#retry = null;
    const life = ++this.#life;
    this.#reachedServer = false;
    this.#expectNewsWithin(SIGN_IN_SECONDS * 1000);
    let token;
    try {
      token = await this.#options.getToken();
    } catch (error) {
      if (life === this.#life) this.#failToSignIn(error);
      return;
    }
    if (life !== this.#life) return;
    if (token === this.#refusedToken) {
      this.#stop(CLOSE_CODES[SIGN_IN_EXPIRED]);
      return;
    }
    this.#openSocket(token);
  }

  #openSocket(token) {
    let socket;
    try {
      socket = new this.#options.WebSocket(this.#options.socketUrl);
    } catch (error) {
      this.#stop(error.message); // no address for a socket: another try is no use
      return;
    }
    this.#socket = socket;
    socket.onopen = () => this.#authenticate(socket, token);
    socket.onmessage = (message) => this.#hear(message.data);
    socket.onclose = ({ code }) => {
      if (code === SIGN_IN_EXPIRED) this.#refusedToken = token;
      this.#lose(code);
    };
  }

  #authenticate(socket, token) {
    this.#reachedServer = true;
    const { deviceId } = this.#options;
    socket.send(JSON.stringify({ type: "auth", token, ...(deviceId && { deviceId }) }));
  }

  #failToSignIn(error) {
    if (error instanceof SignedOut) this.#stop(error.message || "signed out");
    else {
      this.#reachedServer = !(error instanceof TypeError); // which is what fetch throws without a network
      this.#lose(1006);
    }
  }

  #hear(text) {
    this.heardAt = Date.now();
    const frame = readFrame(text);
    if (frame.type === "pong") this.#isProbing = false;
    // What arrives during a probe may have been on its way before the network was lost.
    if (this.isUp) this.#deadline = this.heardAt + (this.#isProbing ? PROBE_SECONDS * 1000 : this.#heartbeatMs * 1.5);
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "auth_required") this.#renew(this.#life);
    else if (frame.type === "heartbeat") {
      this.clockAhead = this.heardAt - frame.ts;
      this.#become(frame.degraded ? "degraded" : "online");
    } else if (this.isUp) this.#options.onFrame(frame);
  }

  /** Learn from the time of an event, be it an old one: at least nothing comes from the future. */
  noteTime(ts) {
    this.clockAhead = Math.min(this.clockAhead, this.heardAt - ts);
  }

  #welcome(frame) {
    this.#heartbeatMs = frame.heartbeatSeconds * 1000;
    this.#expectNewsWithin(this.#heartbeatMs * 1.5);
    if (this.isUp) return; // a token handed over in place
    this.#welcomedAt = Date.now();
    this.#refusedToken = undefined;
    this.#become("online");
    this.#options.onWelcome(frame);
  }

  async #renew(life) {
    try {
      const token = await this.#options.getToken();
      if (life === this.#life && this.isUp) this.#authenticate(this.#socket, token);
    } catch (error) {
      if (error instanceof SignedOut) return; // the server will close when the time is over
      setTimeout(() => life === this.#life && this.isUp && this.#renew(life), RENEWAL_RETRY_SECONDS * 1000);
    }
  }

  /** Reconnect when nothing is heard for so long. One timer is enough: it looks at the deadline when it goes off. */
  #expectNewsWithin(ms) {
    clearTimeout(this.#watchdog);
    this.#deadline = Date.now() + ms;
    const longest = Math.max(ms, this.#heartbeatMs * 1.5);
    const look = () => {
      const left = this.#deadline - Date.now();
      if (left > longest) this.#expectNewsWithin(longest); // the clock was set back
      else if (left > 0) this.#watchdog = setTimeout(look, left);
      else this.#lose(1006);
    };
    this.#watchdog = setTimeout(look, ms);
  }

  #drop() {
    this.#life++;
    this.#isProbing = false;
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      // A close over a dead network takes minutes to be told: let go first.
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    if (this.#welcomedAt && Date.now() - this.#welcomedAt > STABLE_SECONDS * 1000) this.#backoff.reset();
    const wasUp = this.isUp;
    this.#welcomedAt = 0;
    if (wasUp) this.#options.onLost();
  }

  #lose(code) {
    this.#drop();
    if (!mayReconnect(code)) {
      this.code = code;
      this.#stop(CLOSE_CODES[code] ?? `refused with code ${code}`);
      return;
    }
    if (asksForTime(code)) this.#backoff.skipFirst();
    const seconds = this.#backoff.next(this.#reachedServer ? 1 : UNHEARD_WEIGHS);
    if (seconds > 0) this.#become("offline");
    else if (this.state !== "offline") this.#become("connecting");
    this.#retry = setTimeout(() => this.#attempt(), seconds * 1000);
  }

  #stop(reason) {
    if (this.state === "closed") return;
    this.#drop();
    clearTimeout(this.#retry);
    this.#retry = null;
    this.#unlisten?.abort();
    this.reason = reason;
    this.#become("closed");
  }

  #become(state) {
    if (state !== "closed") this.reason = this.code = null;
    if (state === this.state) return;
    this.state = state;
    this.#options.onState(state);
  }

  #listenForWakeups() {
    const { wakeups } = this.#options;
    if (!wakeups) return;
    this.#unlisten = new AbortController();
    for (const type of ["online", "offline", "visibilitychange", "pageshow"]) {
      wakeups.addEventListener(type, () => this.#wake(type), { signal: this.#unlisten.signal });
    }
  }

  /** Something happened to the network or the page: try at once, or see whether the socket still lives. */
  #wake(type) {
    if (type === "visibilitychange" && globalThis.document?.visibilityState === "hidden") return;
    if (this.isUp) {
      this.send({ type: "ping" });
      this.#isProbing = true;
      this.#expectNewsWithin(PROBE_SECONDS * 1000);
    } else if (this.#retry && type !== "offline") this.#attempt();
  }
}

/** What cannot be read is nothing: what it carried is missed, and found missing by its position. */
function readFrame(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
