/** What one may do to a job: the buttons that its state allows, and what became of them. */

import { part, setAttribute, setText } from "./elements_base.js";
import { isConnected } from "./elements_words.js";

const ASK_MS = 4000;
const SAID_MS = 6000;
const ALLOWED = {
  created: ["pause", "cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  failed: ["retry"],
  cancelled: ["retry"],
  completed: [],
};
const LABELS = { pause: "Pause", resume: "Resume", retry: "Try again", cancel: "Cancel" };
const SURE = "Really cancel?";

export class Actions {
  element = part("actions");
  note = part("note", "p", { role: "status" });
  #command;
  #buttons = new Map();
  #job = null;
  #asking = null;
  #pending = null; // the action that has no answer yet
  #said;

  /** `command(action, jobId, options)` does it. */
  constructor(command) {
    this.#command = command;
    for (const [action, label] of Object.entries(LABELS)) {
      // Both labels take their place from the start, so that asking moves nothing.
      const labels = action === "cancel" ? [label, SURE] : [label];
      const button = part(`button ${action}`, "button", { type: "button" }, ...labels.map((words) => part("", "span", {}, words)));
      button.addEventListener("click", () => this.#press(action));
      this.#buttons.set(action, button);
      this.element.append(button);
    }
    this.#ask(false);
  }

  /** Show what the job's state allows. */
  show(job, { connection }) {
    if (this.#job && (job.state !== this.#job.state || job.attempt !== this.#job.attempt)) this.#ask(false);
    this.#job = job;
    for (const [action, button] of this.#buttons) {
      button.hidden = !ALLOWED[job.state].includes(action);
      button.disabled = this.#pending !== null || connection === "closed";
      setAttribute(button, "aria-busy", this.#pending === action ? "true" : null);
    }
    if (this.#pending && !isConnected(connection)) this.#say(`${LABELS[this.#pending]}: it waits for the connection.`);
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
    setAttribute(button, "aria-label", isAsking ? "Really cancel this job?" : "Cancel this job");
  }

  async #do(action) {
    const { jobId, attempt } = this.#job;
    this.#ask(false);
    this.#pending = action;
    for (const [name, button] of this.#buttons) {
      button.disabled = true;
      setAttribute(button, "aria-busy", name === action ? "true" : null);
    }
    try {
      await this.#command(action, jobId, { ifAttempt: attempt });
      this.#say("");
    } catch (error) {
      this.#say(error.message, { isBad: true });
    }
    this.#pending = null;
    for (const button of this.#buttons.values()) {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    }
  }

  #say(text, { isBad = false } = {}) {
    setText(this.note, text);
    setAttribute(this.note, "data-bad", isBad ? "" : null);
    clearTimeout(this.#said);
    if (isBad) this.#said = setTimeout(() => setText(this.note, ""), SAID_MS);
  }
}
