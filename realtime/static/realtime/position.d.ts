import type { JobEvent } from "./types.js";

export interface Position {
  attempt: number;
  seq: number;
}

/** Return the position that a text as "2-57" names; throws RangeError when it names none. */
export function parse(text: string): Position;

/** Return a number below, at or above 0 as `a` stands before, at or after `b`. */
export function compare(a: Position, b: Position): number;

/** Tell whether an event follows a reader at `have`, is known already, or leaves a gap; by positions alone. */
export function judge(have: Position, event: JobEvent): "follows" | "old" | "gap";
