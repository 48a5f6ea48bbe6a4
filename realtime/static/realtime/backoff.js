/** How long to wait before trying again: not at all the first time, then exponentially longer, with full jitter. */
export class Backoff {
  #tries = 0;

  /** Wait between `minSeconds` and a ceiling that doubles with each try, up to `maxSeconds`. */
  constructor({ minSeconds = 0.25, maxSeconds = 20, random = Math.random } = {}) {
    Object.assign(this, { minSeconds, maxSeconds, random });
  }

  /** Return the seconds to wait before the next try. A failure that cost nobody anything may `weigh` less than a whole try. */
  next(weigh = 1) {
    const tries = this.#tries;
    this.#tries += weigh;
    if (tries === 0) return 0;
    const ceiling = Math.min(this.maxSeconds, this.minSeconds * 2 ** tries);
    return this.minSeconds + this.random() * (ceiling - this.minSeconds);
  }

  /** Leave out the try that would come at once. */
  skipFirst() {
    this.#tries ||= 1;
  }

  /** Begin anew: what was tried has worked. */
  reset() {
    this.#tries = 0;
  }
}
