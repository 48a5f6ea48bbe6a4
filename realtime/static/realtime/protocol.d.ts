/** The version of the protocol that `welcome` names. */
export const PROTOCOL_VERSION: 1;

/** The seq that closes an attempt: 2^53-1. */
export const CLOSED: number;

/** Why the server closes a socket. 4000 to 4499: reconnect; 4500 to 4999: stop. */
export const CLOSE_CODES: Readonly<Record<number, string>>;

/** The token was good once: a fresh one is needed. */
export const SIGN_IN_EXPIRED: 4401;

/** The user is not signed in any more. */
export const SESSION_ENDED: 4503;

/** What one socket may carry, and what a frame from the client may hold. */
export const LIMITS: Readonly<{ subscriptions: number; frameBytes: number }>;

/** Tell whether a client reconnects after this close code. */
export function mayReconnect(code: number): boolean;

/** Tell whether the server asked for some time before the next try. */
export function asksForTime(code: number): boolean;
