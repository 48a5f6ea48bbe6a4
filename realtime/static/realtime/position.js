/** Where an event stands: attempt and seq; and whether it follows what a reader has. */

import { CLOSED } from "./protocol.js";

const PATTERN = /^(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})$/;

/**
 * Return the position that `text` names, as `"2-57"`; throws RangeError when it names none.
 * @param {string} text
 * @returns {{attempt: number, seq: number}}
 */
export function parse(text) {
  const match = PATTERN.exec(typeof text === "string" ? text : "");
  if (!match) throw new RangeError("A position is <attempt>-<seq>, as 2-57.");
  const attempt = Number(match[1]);
  const seq = Number(match[2]);
  if (attempt > CLOSED || seq > CLOSED) throw new RangeError(`A position's numbers are at most ${CLOSED}.`);
  return { attempt, seq };
}

/** Return a number below, at or above 0 as `a` stands before, at or after `b`. */
export const compare = (a, b) => a.attempt - b.attempt || a.seq - b.seq;

/**
 * Tell whether `event` follows a reader at `have`, is known already, or leaves a gap; by positions alone.
 * @param {{attempt: number, seq: number}} have
 * @param {{attempt: number, seq: number, data: object}} event
 * @returns {"follows" | "old" | "gap"}
 */
export function judge(have, event) {
  const { attempt, seq, data } = event;
  if (compare(event, have) <= 0) return "old";
  let follows;
  if (seq === CLOSED) follows = attempt === have.attempt && have.seq >= data.lastSeq;
  else if (seq === 0) follows = attempt === have.attempt + 1 && (have.attempt === 0 || have.seq >= data.keepSeq);
  else follows = attempt === have.attempt && seq === have.seq + 1;
  return follows ? "follows" : "gap";
}
