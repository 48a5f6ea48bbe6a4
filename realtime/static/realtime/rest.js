/** The part of the REST interface that a client of the socket needs besides. */

import { Backoff } from "./backoff.js";
import { JobError } from "./errors.js";
import { newJobId } from "./job_id.js";

const CREATE_TRIES = 4;
const TRY_AGAIN = new Set([502, 503, 504]);

/** Creates and reads jobs over HTTP. */
export class Rest {
  /** `headers()` returns what signs a request in. */
  constructor({ apiUrl, headers, random }) {
    Object.assign(this, { apiUrl, headers, random });
  }

  /** Create a job and return it. Tried again when the answer got lost: the id is chosen here, so there is one job all the same. */
  async create(body) {
    const job = JSON.stringify({ jobId: newJobId(), ...body });
    const backoff = new Backoff({ maxSeconds: 4, random: this.random });
    backoff.skipFirst();
    for (let tries = 1; ; tries++) {
      try {
        return await this.#request("POST", "/api/jobs", job);
      } catch (error) {
        const mayPass = error instanceof TypeError || TRY_AGAIN.has(error.status);
        if (!mayPass || tries === CREATE_TRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, backoff.next() * 1000));
      }
    }
  }

  /** Return a job whole, with a result that is too large for events. */
  read(jobId) {
    return this.#request("GET", `/api/jobs/${encodeURIComponent(jobId)}`);
  }

  /** Return how a job came to be as it is: its last changes of state, oldest first. */
  async transitions(jobId) {
    return (await this.#request("GET", `/api/jobs/${encodeURIComponent(jobId)}/transitions`)).transitions;
  }

  /** Make a link with which anybody may watch the job; returns `{token, url, expiresAt}`. */
  share(jobId) {
    return this.#request("POST", `/api/jobs/${encodeURIComponent(jobId)}/share`, "{}");
  }

  async #request(method, path, body) {
    const headers = { Accept: "application/json", ...(body && { "Content-Type": "application/json" }), ...(await this.headers()) };
    const response = await fetch(this.apiUrl + path, { method, headers, body });
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    const message = answer?.detail ?? `The server answered ${response.status}.`;
    throw new JobError({ code: answer?.code ?? "unavailable", message, status: response.status, errors: answer?.errors });
  }
}
