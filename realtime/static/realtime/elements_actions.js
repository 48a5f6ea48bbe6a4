/** What one may do to a job: the buttons that its state allows, and what became of them. */

import { part, setAttribute, setText } from "./elements_base.js";
import { isConnected } from "./elements_words.js";

const ASK_MS = 4000;
const SAID_MS = 8000;
const ALLOWED = {
  created: ["pause", "cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  failed: ["retry"],
  cancelled: ["retry"],
  completed: [],
};
const LABELS = { pause: "Pause", resume: "Resume", retry: "Try again", cancel: "Cancel" };
const SURE = "Cancel it?";

export class Actions {
  element = part("actions");
  note = part("note", "p", { role: "status" });
  #give;
  #buttons = new Map();
  #job = null;
  #asking = null; // the timer of a question that has no answer yet
  #fault = "";
  #forget;

  /** `give(action, jobId, options)` does it, or has it wait for a connection; returns `{done}`. */
  constructor(give) {
    this.#give = give;
    for (const [action, label] of Object.entries(LABELS)) {
      // Both labels take their place from the start, so that asking moves nothing.
      const labels = action === "cancel" ? [label, SURE] : [label];
      const button = part(`button ${action}`, "button", { type: "button" }, ...labels.map((words) => part("", "span", {}, words)));
      button.addEventListener("click", () => this.#press(action));
      this.#buttons.set(action, button);
      button.hidden = true;
      this.element.append(button);
    }
    this.#ask(false);
  }

  /** Show what the job's state allows, and what is under way: `requests` are the outbox's entries about it. */
  show(job, { connection, requests = [] }) {
    if (this.#job && (job.state !== this.#job.state || job.attempt !== this.#job.attempt)) this.#ask(false);
    this.#job = job;
    const pending = requests.findLast(({ action, state }) => action in LABELS && (state === "pending" || state === "sent"))?.action;
    for (const [action, button] of this.#buttons) {
      button.hidden = !ALLOWED[job.state].includes(action);
      button.disabled = pending !== undefined || connection === "closed";
      setAttribute(button, "aria-busy", pending === action ? "true" : null);
    }
    const waits = pending && !isConnected(connection) ? `${LABELS[pending]}: sent as soon as the connection is back.` : "";
    setText(this.note, waits || this.#fault);
    setAttribute(this.note, "data-bad", this.#fault && !waits ? "" : null);
  }

  #press(action) {
    if (action === "cancel" && this.#asking === null) this.#ask(true);
    else this.#do(action);
  }

  #ask(isAsking) {
    clearTimeout(this.#asking);
    this.#asking = isAsking ? setTimeout(() => this.#ask(false), ASK_MS) : null;
    const button = this.#buttons.get("cancel");
    setAttribute(button, "data-asking", isAsking ? "" : null);
    setAttribute(button, "aria-label", isAsking ? "Really cancel this job?" : LABELS.cancel);
  }

  async #do(action) {
    this.#ask(false);
    this.#complain("");
    try {
      await this.#give(action, this.#job.jobId, { ifAttempt: this.#job.attempt }).done;
    } catch (error) {
      this.#complain(error.message);
    }
  }

  #complain(fault) {
    this.#fault = fault;
    setText(this.note, fault);
    setAttribute(this.note, "data-bad", fault ? "" : null);
    clearTimeout(this.#forget);
    if (fault) this.#forget = setTimeout(() => this.#complain(""), SAID_MS);
  }
}
