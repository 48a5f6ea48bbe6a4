export interface Kept<Value> {
  value: Value;
  /** When the value was last known to be so, in Unix milliseconds. */
  asOf: number;
}

/** What stays when a page goes, for one user: `kind` is `job`, `list` or `outbox`. */
export class Store {
  /** Without `user`, nothing outlives the store. */
  constructor(options?: { user?: string | null; storage?: Storage });
  /** How many jobs are kept. */
  limit: number;
  read<Value = unknown>(kind: string, id: string): Kept<Value> | null;
  /** Keep a value; the jobs that were seen least lately make room. Returns whether there was room. */
  write(kind: string, id: string, value: unknown, asOf: number): boolean;
  remove(kind: string, id: string): void;
  /** Return the ids of all that is kept of a kind, in order. */
  ids(kind: string): string[];
  /** Forget all that is kept for this user, or all of some kinds. */
  forget(kinds?: string[]): void;
  /** Keep nothing for this user any more, and touch nothing that is kept. */
  detach(): void;
  /** Have `topic.keep(asOf)` called soon, once for all that changes meanwhile. */
  keepSoon(topic: { asOf: number | null; keep(asOf: number | null): void }): void;
  /** Keep what is not kept yet. */
  keepNow(): void;
}
