/** `<task-activity-panel>`: what the job is doing: its steps, its text as it streams, its log, its result, and what one may do to it. */

import { Actions } from "./elements_actions.js";
import { JobElement, part, setAttribute, setText } from "./elements_base.js";
import { icon } from "./elements_icons.js";
import { Log } from "./elements_log.js";
import { Result } from "./elements_result.js";
import { Steps } from "./elements_steps.js";
import { StreamingText } from "./elements_text.js";
import { Timeline } from "./elements_timeline.js";
import { Vitals } from "./elements_vitals.js";
import { attemptWords, duration, headline, isConnected, STATES, titleWords } from "./elements_words.js";
import { isTerminal } from "./fold.js";

const TICK_MS = 1000;

export class TaskActivityPanel extends JobElement {
  #parts;
  #job = null;
  #about = {};
  #timer;
  #said = "";

  /** Build the panel once; `show` changes what is in it. */
  build(root) {
    const title = part("title", "h2");
    const badge = part("badge", "span");
    const meta = part("meta", "span");
    const fill = part("line-fill");
    const error = part("error", "div", { role: "alert" });
    const toggle = part("toggle", "button", { type: "button", "aria-controls": "activity" }, icon("fold"), part("", "span"));
    const voice = part("", "div", { class: "quiet", role: "status", "data-voice": "" });
    const steps = new Steps();
    const text = new StreamingText();
    const log = new Log();
    const result = new Result((jobId) => this.client.read(jobId));
    const timeline = new Timeline((jobId) => this.client.transitions(jobId));
    const vitals = new Vitals();
    const actions = new Actions((...command) => this.client.outbox.command(...command));
    const side = part("side", "div", { id: "activity" }, steps.element);
    this.#parts = { title, badge, meta, fill, error, toggle, voice, steps, text, log, result, timeline, vitals, actions, side };
    toggle.addEventListener("click", () => this.#fold(!this.hasAttribute("data-folded")));
    actions.element.prepend(text.copyButton);
    error.hidden = toggle.hidden = text.copyButton.hidden = true;
    const buttons = this.hasAttribute("watch-only") ? part("actions", "div", {}, text.copyButton) : actions.element;
    root.append(
      part("panel", "section", { "aria-label": "Task activity" },
        part("progress-line", "div", { "aria-hidden": "true" }, fill),
        part("head", "header", {},
          part("names", "div", {}, part("", "slot", { name: "title" }, title), part("facts", "p", {}, badge, meta), vitals.element),
          buttons, actions.note),
        part("body", "div", {}, toggle, side, part("main", "div", {}, error, text.element, result.element, log.element, timeline.element))),
      voice,
    ); // prettier-ignore
  }

  connectedCallback() {
    super.connectedCallback();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  /** Show the job as it is now. */
  show(job, about) {
    const before = this.#job;
    this.#job = job;
    this.#about = about;
    const { title, badge, fill, steps, text, log, result, actions } = this.#parts;
    setAttribute(this, "data-state", job?.state ?? (about.error ? "missing" : null));
    setAttribute(this, "data-connection", about.connection);
    setText(title, job ? titleWords(job) : "");
    setText(badge, job ? STATES[job.state] : "");
    this.#showError(job, about);
    if (!job) {
      text.showUnknown(about.connection);
      return;
    }
    fill.style.setProperty("transform", `scaleX(${job.progress / 100})`);
    text.show(job, about.status, this.client.now());
    log.show(about.logs);
    result.show(job);
    actions.show(job, about);
    if (job.state !== before?.state) this.#enter(job, before);
    steps.show(job, this.#now());
    this.#showTimes();
    this.#say(job);
    this.#recall(job);
  }

  /** Read how the job came here when its state has changed. */
  async #recall(job) {
    if (await this.#parts.timeline.follow(job)) this.#tick();
  }

  #tick() {
    if (!this.#job) return;
    this.#showTimes();
    this.#parts.timeline.show(this.#job, this.#now());
    this.#recall(this.#job);
  }

  /** A completed job folds to its result; all others show where they are. A text to which nothing is added stands at its full length. */
  #enter(job, before) {
    const isCompleted = job.state === "completed";
    const enter = () => {
      setAttribute(this, "data-ended", isTerminal(job.state) ? "" : null);
      this.#parts.toggle.hidden = !isCompleted || job.steps.length === 0;
      this.#fold(isCompleted);
    };
    if (before === null) enter();
    else this.#parts.text.anchor(enter);
  }

  #fold(isFolded) {
    const { toggle, side } = this.#parts;
    setAttribute(this, "data-folded", isFolded ? "" : null);
    setAttribute(toggle, "aria-expanded", String(!isFolded));
    side.hidden = isFolded || this.#job?.steps.length === 0;
    this.#showTimes();
  }

  #showError(job, { error: refused }) {
    const { error } = this.#parts;
    const fault = job ? job.error : refused;
    error.hidden = !fault;
    if (!fault || error.dataset.shown === fault.message) return;
    error.dataset.shown = fault.message;
    const code = part("error-code", "code", {}, fault.code ?? "");
    error.replaceChildren(icon("warning"), part("error-words", "span", {}, fault.message), code);
  }

  /** The server's time; what is shown of a lost connection's time does not go on. */
  #now() {
    return isConnected(this.#about.connection) ? this.client.now() : (this.#about.asOf ?? this.client.now());
  }

  #showTimes() {
    const job = this.#job;
    if (!job) return;
    const { meta, steps, toggle, timeline, vitals } = this.#parts;
    const began = job.startedAt && job.state !== "paused" && Date.parse(job.startedAt);
    const ended = job.finishedAt ? Date.parse(job.finishedAt) : this.#now();
    const took = began ? duration(ended - began) : "";
    const facts = [job.type, attemptWords(job, this.#about.kept ?? null), took];
    setText(meta, facts.filter(Boolean).join(" · "));
    setText(toggle.lastChild, `${job.steps.length} steps${took && ` in ${took}`}`);
    if (job.state === "running") steps.show(job, this.#now());
    vitals.show(job, this.#about, { now: this.#now(), reason: this.client.closeReason, isLost: timeline.isLost });
  }

  /** Tell a screen reader what matters, and no more: the step and the end. */
  #say(job) {
    const words = isTerminal(job.state) ? `${STATES[job.state]}. ${headline(job, null, this.client.now())}` : (job.step ?? STATES[job.state]);
    if (words === this.#said) return;
    this.#said = words;
    setText(this.#parts.voice, words);
  }
}
