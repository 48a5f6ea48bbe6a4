import type { Job, JobEvent, State } from "./types.js";

/** An event is next by its position and does not fit what the reader has: one of the two is damaged. */
export class Damaged extends Error {}

/** Tell whether a state is left only by `retry`. */
export function isTerminal(state: State): boolean;

/** Return the job after the event, which must be the next one by its position; throws Damaged when it does not fit. */
export function fold<Folded extends Job>(job: Folded, event: JobEvent): Folded;
