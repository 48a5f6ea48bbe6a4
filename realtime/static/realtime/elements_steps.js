/** The list of steps with their marks and how long each took. Every row has two lines from the start, so that nothing moves. */

import { part, setAttribute, setText } from "./elements_base.js";
import { icon } from "./elements_icons.js";
import { duration } from "./elements_words.js";

export class Steps {
  element = part("steps", "ol", { "aria-label": "Steps" });
  #rows = [];

  /** Show the job's steps as they are at `now`, in Unix milliseconds; the running one with the job's message. */
  show({ steps, message }, now) {
    while (this.#rows.length > steps.length) this.#rows.pop().item.remove();
    steps.forEach((step, index) => {
      const row = (this.#rows[index] ??= this.#add());
      if (row.item.dataset.state !== step.state) {
        row.item.dataset.state = step.state;
        row.mark.replaceChildren(icon(step.state));
        setAttribute(row.item, "aria-current", step.state === "running" ? "step" : null);
      }
      setText(row.name, step.name);
      setText(row.word, `, ${step.state}`);
      setText(row.time, took(step, now));
      setText(row.detail, step.state === "running" ? (message ?? "") : "");
    });
  }

  #add() {
    const mark = part("mark", "span");
    const name = part("step-name", "span");
    const word = part("", "span", { class: "quiet" });
    const time = part("step-time", "span");
    const detail = part("step-detail", "span");
    const item = part("step", "li", {}, mark, part("step-line", "span", {}, name, word, time), detail);
    this.element.append(item);
    return { item, mark, name, word, time, detail };
  }
}

function took({ state, startedAt, finishedAt }, now) {
  if (!startedAt || state === "pending") return "";
  return duration((finishedAt ? Date.parse(finishedAt) : now) - Date.parse(startedAt));
}
