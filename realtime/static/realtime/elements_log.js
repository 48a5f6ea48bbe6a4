/** The lines that a job logged, oldest first; the last ones stay in view. */

import { part, setText } from "./elements_base.js";
import { timeWords } from "./elements_words.js";

const NEAR_THE_END = 8;

export class Log {
  element;
  #count = part("log-count", "span");
  #list = part("log", "ol", { tabindex: 0, "aria-label": "Log" });
  #lines = [];
  #last = null;

  constructor() {
    this.element = part("log-frame", "section", {}, part("log-title", "h2", {}, "Log ", this.#count), this.#list);
    this.element.hidden = true;
  }

  /** Show the lines: those that are new are appended, those that are no longer there go. */
  show(lines) {
    if (lines === this.#lines) return;
    this.#lines = lines;
    const known = lines.lastIndexOf(this.#last);
    const { scrollTop, clientHeight, scrollHeight } = this.#list;
    const follows = scrollTop + clientHeight >= scrollHeight - NEAR_THE_END;
    if (known < 0) this.#list.replaceChildren();
    this.#list.append(...lines.slice(known + 1).map(row));
    while (this.#list.childElementCount > lines.length) this.#list.firstElementChild.remove();
    this.#last = lines.at(-1) ?? null;
    this.element.hidden = lines.length === 0;
    setText(this.#count, String(lines.length));
    if (follows) this.#list.scrollTop = this.#list.scrollHeight;
  }
}

function row({ ts, level, message }) {
  const line = part("log-line", "li", {}, part("log-time", "time", { datetime: new Date(ts).toISOString() }, timeWords(ts)), message);
  line.dataset.level = level;
  return line;
}
