/** `<job-status-bar>`: connection light, state, progress; one line that stays the same height whatever happens. */

import { JobElement, part, setAttribute, setText } from "./elements_base.js";
import { asOfWords, connectionWords, headline, percent, STATES, titleWords } from "./elements_words.js";

export class JobStatusBar extends JobElement {
  #parts;

  /** Build the line once; `show` changes what is in it. */
  build(root) {
    const link = part("link", "span", { role: "status" });
    const asOf = part("as-of", "span");
    const state = part("state", "span");
    const title = part("job", "a");
    const words = part("headline", "span");
    const fill = part("fill");
    const bar = part("bar", "div", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": "Progress" }, fill);
    const number = part("percent", "span", { "aria-hidden": "true" });
    this.#parts = { link, asOf, state, title, words, fill, bar, number };
    root.append(
      part("status-bar", "div", {},
        part("connection", "span", {}, part("light", "span", { "aria-hidden": "true" }), link, asOf),
        part("about", "span", {}, state, title, words),
        bar, number),
    ); // prettier-ignore
    setAttribute(this, "data-connection", "connecting");
    setText(link, connectionWords("connecting"));
    bar.hidden = true;
  }

  /** Show the job, or that there is none. `href` leads to its page. */
  show(job, { connection, asOf, error, status }) {
    const parts = this.#parts;
    setAttribute(this, "data-connection", connection);
    setAttribute(this, "data-state", job?.state ?? null);
    setText(parts.link, connectionWords(connection));
    const reason = connection === "closed" ? this.client.closeReason : "";
    setText(parts.asOf, asOfWords(connection, asOf) || reason);
    setText(parts.state, job ? STATES[job.state] : "");
    setText(parts.title, job ? titleWords(job) : "");
    setAttribute(parts.title, "href", job ? this.getAttribute("href") : null);
    setText(parts.words, job ? headline(job, status, this.client.now()) : (error?.message ?? this.#none()));
    setText(parts.number, job ? percent(job.progress) : "");
    parts.bar.hidden = !job;
    if (!job) return;
    setAttribute(parts.bar, "aria-valuenow", Math.floor(job.progress));
    parts.fill.style.setProperty("transform", `scaleX(${job.progress / 100})`);
  }

  #none() {
    return this.jobId ? "" : "No job yet";
  }
}
