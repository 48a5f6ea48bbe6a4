// The worker API over HTTP. Every call may be sent again with the same body, so a lost answer is no harm.

const PATIENCE_MS = 60_000;
const PAUSE_MS = [200, 3000];

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code;
    this.reason = problem.reason;
  }
}

export class Api {
  constructor(server, token) {
    this.base = `${server.replace(/\/$/, "")}/api/worker/`;
    this.headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  }

  /** Make a call and return its answer; a server that is away or too busy is asked again for a minute. */
  async call(path, body, { signal } = {}) {
    const until = Date.now() + PATIENCE_MS;
    for (let pause = PAUSE_MS[0]; ; pause = Math.min(PAUSE_MS[1], pause * 2)) {
      try {
        const response = await fetch(this.base + path, { method: "POST", headers: this.headers, body: JSON.stringify(body), signal });
        if (response.ok) return await response.json();
        if (response.status < 500 && response.status !== 429) throw new ApiError(response.status, await response.json().catch(() => ({})));
      } catch (error) {
        if (error instanceof ApiError || signal?.aborted || Date.now() > until) throw error;
      }
      if (Date.now() > until) throw new Error(`${this.base} does not answer.`);
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
    }
  }
}
