/** The words of the socket that both ends must agree on; the server's are in `realtime/protocol.py` and `realtime/position.py`. */

/** The version of the protocol that `welcome` names. */
export const PROTOCOL_VERSION = 1;

/** The seq that closes an attempt: 2^53-1, the highest integer that a number holds exactly. */
export const CLOSED = Number.MAX_SAFE_INTEGER;

/** Why the server closes a socket. 4000 to 4499: reconnect; 4500 to 4999: stop. */
export const CLOSE_CODES = {
  4401: "sign-in expired",
  4408: "no sign-in in time",
  4413: "too slow",
  4429: "too many messages or sockets",
  4501: "bad token or origin",
  4503: "user deactivated or session ended",
  4509: "binary frame, or first frame not auth",
};

/** The token was good once: a fresh one is needed. */
export const SIGN_IN_EXPIRED = 4401;

/** The user is not signed in any more: what they saw is not for the next one's eyes. */
export const SESSION_ENDED = 4503;

/** What one socket may carry, and what a frame from the client may hold. */
export const LIMITS = { subscriptions: 128, frameBytes: 65536 };

const TOO_MANY = 4429;
const TRY_LATER = 1013;

/** Tell whether a client reconnects after this close code. */
export const mayReconnect = (code) => code < 4500 || code > 4999;

/** Tell whether the server asked for some time before the next try. */
export const asksForTime = (code) => code === TRY_LATER || code === TOO_MANY;
