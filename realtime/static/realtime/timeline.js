/** A job's life as stretches of time: it waits, runs, is paused. Pure: from its changes of state to what is to be drawn. */

const SHOWN_WAIT = 0.2;
const KINDS = { created: "waiting", running: "running", paused: "paused" };

/**
 * Return the stretches of a job's life, oldest first: `{kind, attempt, from, to, end, actor}`, times in Unix milliseconds. `end` is the
 * reason or the state that ended the stretch, null for the one that goes on; `to` is then `now`.
 */
export function stretches(transitions, now) {
  const found = [];
  for (const { at, target, attempt, reason, actor } of transitions) {
    const time = Date.parse(at);
    const last = found.at(-1);
    if (last?.end === null) Object.assign(last, { to: time, end: endOf(target, reason), actor });
    if (KINDS[target]) found.push({ kind: KINDS[target], attempt, from: time, to: Math.max(now, time), end: null, actor: null });
  }
  return found;
}

const endOf = (target, reason) => (target === "created" ? (reason ?? "created") : target);

/**
 * Return a function from a time to its place, 0 to 1, and which stretches are drawn shorter than they were: one that only waited takes
 * no more than a fifth of what the job ran.
 */
export function scale(life) {
  const ran = life.filter(({ kind }) => kind === "running").reduce((sum, { from, to }) => sum + to - from, 0);
  const longest = Math.max(ran * SHOWN_WAIT, 1);
  const widths = life.map(({ kind, from, to }) => (kind === "running" ? to - from : Math.min(to - from, longest)));
  const whole = widths.reduce((sum, width) => sum + width, 0) || 1;
  const begins = widths.map((_, index) => widths.slice(0, index).reduce((sum, width) => sum + width, 0) / whole);
  const place = (time) => {
    const index = life.findLastIndex(({ from }) => from <= time);
    if (index < 0) return 0;
    const { from, to } = life[index];
    const share = to > from ? Math.min(1, (time - from) / (to - from)) : 1;
    return begins[index] + (share * widths[index]) / whole;
  };
  return { place, isCut: life.map(({ from, to }, index) => widths[index] < to - from) };
}

/** Return the attempts that ran, or run: `{attempt, waited, ran, end, actor}`, the last with `end` null while it runs. */
export function attempts(life) {
  return life.flatMap(({ kind, attempt, from, to, end, actor }, index) => {
    if (kind !== "running") return [];
    const before = life[index - 1];
    const waited = before?.kind === "waiting" ? before.to - before.from : 0;
    return [{ attempt, waited, ran: to - from, end, actor }];
  });
}
