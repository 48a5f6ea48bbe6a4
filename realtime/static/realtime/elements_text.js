/** The text as it streams: what is new is appended, and the end stays in view unless the reader scrolled up. */

import { part, setText } from "./elements_base.js";
import { isTerminal } from "./fold.js";

const NEAR_THE_END = 24;

export class StreamingText {
  element = part("text", "div", { tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Text" });
  #node = document.createTextNode("");
  #shown = "";
  #empty = part("empty", "span");

  constructor() {
    this.element.append(this.#node, this.#empty);
  }

  /** Show the job's text. */
  show({ streamingText: text, state }) {
    const { element } = this;
    const follows = element.scrollTop + element.clientHeight >= element.scrollHeight - NEAR_THE_END;
    setText(this.#empty, text ? "" : isTerminal(state) ? "It wrote nothing." : "What it writes appears here.");
    if (text === this.#shown) return;
    if (text.startsWith(this.#shown)) this.#node.appendData(text.slice(this.#shown.length));
    else this.#node.data = text;
    this.#shown = text;
    if (follows) element.scrollTop = element.scrollHeight;
  }
}
