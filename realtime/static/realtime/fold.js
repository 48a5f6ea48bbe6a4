/** What an event does to a job. The server's twin is `jobs/events.py`; both pass `tests/fold_cases.json`. */

import { CLOSED } from "./protocol.js";
import { sha256 } from "./sha256.js";

const MAX_STEPS = 64;
const TERMINAL = new Set(["completed", "failed", "cancelled"]);

/** An event is next by its position and does not fit what the reader has: one of the two is damaged. */
export class Damaged extends Error {
  name = "Damaged";
}

/** Tell whether a state is left only by `retry`. */
export const isTerminal = (state) => TERMINAL.has(state);

/**
 * Return `job` after `event`, which must be the next one by its position; `job` itself stays as it is.
 * Throws Damaged when the event does not fit.
 */
export function fold(job, event) {
  const { type, attempt, seq, data } = event;
  const folded = { ...job, attempt, position: `${attempt}-${seq}` };
  if (type === "state") foldState(folded, event);
  else if (type === "progress") foldProgress(folded, event);
  else if (type === "text") {
    if (data.offset !== job.streamingText.length) {
      throw new Damaged(`A chunk begins at ${data.offset}, the text ends at ${job.streamingText.length}.`);
    }
    folded.streamingText = job.streamingText + data.text;
  }
  return folded;
}

function foldState(job, { seq, ts, data }) {
  const at = isoTime(ts);
  if (seq === 0) {
    job.streamingText = cut(job.streamingText, data.keepText);
    replace(job, data);
    job.startedAt = job.finishedAt = job.result = job.error = null;
    delete job.more;
  } else if (seq === CLOSED) {
    job.streamingText = cut(job.streamingText, data.textLength);
    if (sha256(job.streamingText) !== data.textSha256) throw new Damaged("The text differs from the one that was closed.");
    replace(job, data);
    job.result = data.result ?? null;
    job.error = data.error ?? null;
    if (data.more) job.more = true;
    else delete job.more;
    if (isTerminal(data.state)) job.finishedAt = at;
  }
  if (data.state === "running") job.startedAt = at;
  job.state = data.state;
}

function foldProgress(job, { ts, data }) {
  if (data.progress != null) job.progress = data.progress;
  if (data.step != null) {
    job.step = data.step;
    job.steps = enterStep(job.steps, data.step, isoTime(ts));
  }
  if ("message" in data) job.message = data.message;
}

/** Return `steps` with `name` running and the one before it done; a 65th name is not listed. */
function enterStep(steps, name, at) {
  if (steps.some((step) => step.name === name && step.state === "running")) return steps;
  const entered = steps.map((step) => (step.state === "running" ? { ...step, state: "done", finishedAt: at } : step));
  const index = entered.findIndex((step) => step.name === name);
  if (index >= 0) {
    const step = entered[index];
    entered[index] = { ...step, state: "running", startedAt: step.startedAt ?? at, finishedAt: null };
  } else if (entered.length < MAX_STEPS) {
    entered.push({ name, state: "running", startedAt: at, finishedAt: null });
  }
  return entered;
}

function replace(job, { progress, step, steps, message }) {
  Object.assign(job, { progress, step, steps, message });
}

/** Return the first `length` code units of `text`; a text never ends inside of a character. */
function cut(text, length) {
  if (length === text.length) return text;
  if (length > text.length || (text.charCodeAt(length - 1) & 0xfc00) === 0xd800) {
    throw new Damaged(`The text has ${text.length} units and cannot be cut to ${length}.`);
  }
  return text.slice(0, length);
}

const isoTime = (ts) => new Date(ts).toISOString();
