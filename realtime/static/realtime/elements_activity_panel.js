/** `<task-activity-panel>`: what the job is doing: its steps, its text as it streams, its lines of log, its result, and what one may do to it. */

import { Actions } from "./elements_actions.js";
import { JobElement, part, setAttribute, setText } from "./elements_base.js";
import { Result } from "./elements_result.js";
import { Steps } from "./elements_steps.js";
import { StreamingText } from "./elements_text.js";
import { duration, headline, STATES } from "./elements_words.js";
import { isTerminal } from "./fold.js";

const TICK_MS = 1000;

export class TaskActivityPanel extends JobElement {
  #parts;
  #job = null;
  #timer;
  #said = "";
  #lines = [];

  /** Build the panel once; `show` changes what is in it. */
  build(root) {
    const title = part("title", "h2");
    const badge = part("badge", "span");
    const time = part("time", "span");
    const error = part("error", "p", { role: "alert" });
    const log = part("log", "ul", { "aria-label": "Log", tabindex: 0 });
    const voice = part("", "div", { class: "quiet", role: "status", "aria-live": "polite" });
    error.hidden = log.hidden = true;
    const steps = new Steps();
    const text = new StreamingText();
    const result = new Result(this);
    const actions = new Actions(this);
    this.#parts = { title, badge, time, error, log, voice, steps, text, result, actions };
    root.append(
      part("panel", "section", { "aria-label": "Task activity" },
        part("head", "header", {}, title, badge, time),
        part("side", "div", {}, steps.element),
        part("main", "div", {}, error, text.element, log, result.element, actions.element)),
      voice,
    ); // prettier-ignore
  }

  connectedCallback() {
    super.connectedCallback();
    this.#timer = setInterval(() => this.#showTimes(), TICK_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  /** Show the job as it is now. */
  show(job, about) {
    this.#job = job;
    const { title, badge, error, steps, text, result, actions } = this.#parts;
    setAttribute(this, "data-state", job?.state ?? null);
    setAttribute(this, "data-connection", about.connection);
    setText(title, job ? job.query || job.type : (about.error?.message ?? "Loading …"));
    setText(badge, job ? STATES[job.state] : "");
    badge.hidden = !job;
    if (!job) return;
    error.hidden = !job.error;
    setText(error, job.error ? `${job.error.message} (${job.error.code})` : "");
    text.show(job);
    steps.show(job.steps, this.client.now());
    this.#showLog(about.logs);
    result.show(job);
    actions.show(job, about);
    this.#showTimes();
    this.#say(job);
  }

  #showTimes() {
    const job = this.#job;
    if (!job) return;
    const { time, steps } = this.#parts;
    const began = job.startedAt && Date.parse(job.startedAt);
    const ended = job.finishedAt ? Date.parse(job.finishedAt) : this.client.now();
    const attempt = job.attempt > 1 ? `attempt ${job.attempt} · ` : "";
    setText(time, began && job.state !== "paused" ? attempt + duration(ended - began) : attempt.replace(" · ", ""));
    if (job.state === "running") steps.show(job.steps, this.client.now());
  }

  #showLog(lines) {
    if (lines === this.#lines) return;
    const { log } = this.#parts;
    this.#lines = lines;
    log.hidden = lines.length === 0;
    const follows = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    log.replaceChildren(...lines.map(({ level, message }) => part("log-line", "li", { "data-level": level }, message)));
    if (follows) log.scrollTop = log.scrollHeight;
  }

  /** Tell a screen reader what matters, and no more: the step and the end. */
  #say(job) {
    const words = isTerminal(job.state) ? `${STATES[job.state]}. ${headline(job)}` : (job.step ?? STATES[job.state]);
    if (words === this.#said) return;
    this.#said = words;
    setText(this.#parts.voice, words);
  }
}
