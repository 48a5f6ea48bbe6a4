/** The list of steps with their marks and how long each took. */

import { part, setAttribute, setText } from "./elements_base.js";
import { duration } from "./elements_words.js";

const MARKS = { pending: "○", running: "●", done: "✓", stopped: "✕" };
const WORDS = { pending: "pending", running: "running", done: "done", stopped: "stopped" };

export class Steps {
  element = part("steps", "ol", { "aria-label": "Steps" });
  #rows = [];

  /** Show the steps as they are at `now`, in Unix milliseconds. */
  show(steps, now) {
    while (this.#rows.length > steps.length) this.#rows.pop().item.remove();
    steps.forEach((step, index) => {
      const row = (this.#rows[index] ??= this.#add());
      setAttribute(row.item, "data-state", step.state);
      setText(row.mark, MARKS[step.state]);
      setText(row.word, WORDS[step.state]);
      setText(row.name, step.name);
      setText(row.time, took(step, now));
    });
  }

  #add() {
    const mark = part("mark", "span", { "aria-hidden": "true" });
    const name = part("step-name", "span");
    const word = part("", "span", { class: "quiet" });
    const time = part("step-time", "span");
    const item = part("step", "li", {}, mark, part("", "span", {}, name, word), time);
    this.element.append(item);
    return { item, mark, name, word, time };
  }
}

function took({ state, startedAt, finishedAt }, now) {
  if (!startedAt || state === "pending") return "";
  return duration((finishedAt ? Date.parse(finishedAt) : now) - Date.parse(startedAt));
}
