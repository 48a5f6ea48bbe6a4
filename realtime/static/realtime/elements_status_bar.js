/** `<job-status-bar>`: connection light, state, progress; one line that stays the same height whatever happens. */

import { JobElement, part, setAttribute, setText } from "./elements_base.js";
import { connectionWords, headline, percent, STATES } from "./elements_words.js";

export class JobStatusBar extends JobElement {
  #parts;

  /** Build the line once; `show` changes what is in it. */
  build(root) {
    const light = part("light", "span", { "aria-hidden": "true" });
    const link = part("link", "span");
    const state = part("state", "span");
    const headlineText = part("headline", "span");
    const fill = part("fill");
    const bar = part("bar", "div", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": "Progress" }, fill);
    const number = part("percent", "span");
    this.#parts = { light, link, state, headlineText, fill, bar, number };
    root.append(part("status-bar", "div", {}, part("connection", "span", {}, light, link), state, headlineText, bar, number));
    this.dataset.connection = "connecting";
    setText(link, connectionWords("connecting"));
  }

  /** Show the job, or that there is none. */
  show(job, { connection, asOf, error }) {
    const { link, state, headlineText, fill, bar, number } = this.#parts;
    setAttribute(this, "data-connection", connection);
    setText(link, connectionWords(connection, asOf));
    setAttribute(this, "data-state", job?.state ?? null);
    setText(state, job ? STATES[job.state] : "");
    setText(headlineText, job ? headline(job) : (error?.message ?? ""));
    setText(number, job ? percent(job.progress) : "");
    bar.hidden = !job;
    if (!job) return;
    setAttribute(bar, "aria-valuenow", Math.floor(job.progress));
    fill.style.setProperty("transform", `scaleX(${job.progress / 100})`);
  }
}
