/** What a completed job returned: numbered sources where there are some, else the value as it is. */

import { part } from "./elements_base.js";

export class Result {
  element = part("outcome");
  #read;
  #shown = null;

  /** `read(jobId)` returns the job with a result that is too large for events. */
  constructor(read) {
    this.#read = read;
    this.element.hidden = true;
  }

  /** Show the result. */
  show(job) {
    const key = job.state === "completed" ? `${job.jobId} ${job.position}` : null;
    if (key === this.#shown) return;
    this.#shown = key;
    this.#put();
    if (key === null) return;
    if (job.more) this.#fetch(job.jobId, key);
    else this.#fill(job.result);
  }

  async #fetch(jobId, key) {
    try {
      const { result } = await this.#read(jobId);
      if (key === this.#shown) this.#fill(result);
    } catch (error) {
      if (key === this.#shown) this.#put(part("error", "p", {}, `The result could not be read: ${error.message}`));
    }
  }

  #fill(result) {
    if (result === null) return;
    const sources = Array.isArray(result.sources) ? result.sources : null;
    if (sources?.length) this.#put(heading("Sources"), part("sources", "ol", {}, ...sources.map(source)));
    else if (!sources) this.#put(heading("Result"), part("result", "pre", { tabindex: 0 }, JSON.stringify(result, null, 2)));
  }

  #put(...children) {
    this.element.replaceChildren(...children);
    this.element.hidden = children.length === 0;
  }
}

const heading = (words) => part("outcome-title", "h2", {}, words);

/** One source; what was found there opens below it. */
function source({ title, path, passage }, index) {
  const name = String(title ?? path ?? "");
  const line = [part("source-number", "span", {}, String(index + 1)), part("source-title", "span", {}, name)];
  if (path && path !== title) line.push(part("source-path", "span", {}, String(path)));
  if (!passage) return part("source", "li", {}, part("source-line", "div", {}, ...line));
  return part("source", "li", {},
    part("", "details", {}, part("source-line", "summary", {}, ...line), part("passage", "blockquote", {}, String(passage)))); // prettier-ignore
}
