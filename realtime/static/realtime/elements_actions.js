/** What one may do to a job: the buttons that its state allows, and what became of them. */

import { part, setAttribute, setText } from "./elements_base.js";
import { isTerminal } from "./fold.js";

const ASK_MS = 4000;
const SAID_MS = 2500;
const ALLOWED = {
  created: ["pause", "cancel"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  failed: ["retry"],
  cancelled: ["retry"],
  completed: [],
};
const LABELS = { pause: "Pause", resume: "Resume", retry: "Try again", cancel: "Cancel" };

export class Actions {
  element;
  #panel;
  #note = part("note", "span", { role: "status" });
  #buttons = new Map();
  #job = null;
  #asking = null;
  #busy = false;
  #said = null;

  constructor(panel) {
    this.#panel = panel;
    const copy = part("copy", "button", { type: "button" }, "Copy text");
    copy.addEventListener("click", () => this.#copy());
    for (const action of ["pause", "resume", "retry", "cancel"]) {
      const button = part(action, "button", { type: "button" }, LABELS[action]);
      button.addEventListener("click", () => this.#press(action));
      this.#buttons.set(action, button);
    }
    this.#buttons.get("cancel").dataset.danger = "";
    this.#buttons.set("copy", copy);
    this.element = part("foot", "footer", {}, this.#note, ...this.#buttons.values());
  }

  /** Show what the job's state allows. */
  show(job, about) {
    this.#job = job;
    for (const [action, button] of this.#buttons) {
      button.hidden = action === "copy" ? !job.streamingText : !ALLOWED[job.state].includes(action);
      button.disabled = action !== "copy" && (this.#busy || about.connection === "closed");
    }
    if (isTerminal(job.state)) this.#stopAsking();
    if (!this.#said) this.#say(job.state === "running" ? (job.message ?? "") : waiting(job, about.status));
  }

  #press(action) {
    if (action === "cancel" && this.#asking === null) {
      setText(this.#buttons.get("cancel"), "Really cancel?");
      this.#asking = setTimeout(() => this.#stopAsking(), ASK_MS);
      return;
    }
    this.#stopAsking();
    this.#do(action);
  }

  #stopAsking() {
    clearTimeout(this.#asking);
    this.#asking = null;
    setText(this.#buttons.get("cancel"), LABELS.cancel);
  }

  async #do(action) {
    const { jobId, attempt } = this.#job;
    this.#busy = true;
    for (const [name, button] of this.#buttons) button.disabled = name !== "copy";
    try {
      await this.#panel.client.command(action, jobId, { ifAttempt: attempt });
    } catch (error) {
      this.#tell(error.message, true);
    } finally {
      this.#busy = false;
      for (const button of this.#buttons.values()) button.disabled = false;
    }
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#job.streamingText);
      this.#tell("Copied.");
    } catch {
      this.#tell("The browser does not allow copying here: select the text instead.", true);
    }
  }

  /** Say something for a moment. */
  #tell(text, isBad = false) {
    clearTimeout(this.#said);
    this.#say(text, isBad);
    this.#said = setTimeout(() => {
      this.#said = null;
      this.#say("");
    }, isBad ? 3 * SAID_MS : SAID_MS); // prettier-ignore
  }

  #say(text, isBad = false) {
    setText(this.#note, text);
    setAttribute(this.#note, "data-bad", isBad ? "" : null);
  }
}

function waiting({ state, runAt }, status) {
  if (state !== "created") return "";
  if (runAt && Date.parse(runAt) > Date.now()) return `Not before ${new Date(runAt).toLocaleString()}`;
  return status?.queuePosition ? `Number ${status.queuePosition} in line` : "";
}
