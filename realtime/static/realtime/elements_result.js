/** What a completed job returned: numbered sources where there are some, else the value as it is. */

import { part } from "./elements_base.js";

export class Result {
  element = part("outcome");
  #panel;
  #shown = null;

  constructor(panel) {
    this.#panel = panel;
  }

  /** Show the result; one that is too large for events is fetched. */
  show(job) {
    const key = job.state === "completed" ? job.position : null;
    if (key === this.#shown) return;
    this.#shown = key;
    this.element.replaceChildren();
    if (key === null) return;
    if (job.more) this.#fetch(job.jobId, key);
    else this.#fill(job.result);
  }

  async #fetch(jobId, key) {
    try {
      const { result } = await this.#panel.client.read(jobId);
      if (key === this.#shown) this.#fill(result);
    } catch (error) {
      if (key === this.#shown) this.element.replaceChildren(part("error", "p", {}, `The result could not be read: ${error.message}`));
    }
  }

  #fill(result) {
    if (result === null) return;
    const sources = Array.isArray(result.sources) ? result.sources : null;
    if (sources?.length) this.element.replaceChildren(part("sources", "ol", { "aria-label": "Sources" }, ...sources.map(source)));
    else if (!sources) this.element.replaceChildren(part("result", "pre", { tabindex: 0 }, JSON.stringify(result, null, 2)));
  }
}

function source({ title, path, passage }) {
  const item = part("source", "li", { title: String(passage ?? "") }, String(title ?? path ?? ""));
  if (path && path !== title) item.append(part("source-path", "span", {}, String(path)));
  return item;
}
