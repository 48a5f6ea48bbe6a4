/** The text as it streams: what is new is appended, and the end stays in view unless the reader scrolled up. */

import { part, setAttribute, setText } from "./elements_base.js";
import { icon } from "./elements_icons.js";
import { isConnected, isSoon, unknownWords, waitingWords } from "./elements_words.js";

const NEAR_THE_END = 24;
const COPIED_MS = 2000;
const SIGNS = { created: "clock", running: "clock", paused: "pause", failed: "stopped", cancelled: "stopped" };
const BLOCK = 8192; // a longer paragraph is laid out anew with each word: what is complete stands in blocks of its own

export class StreamingText {
  element;
  /** The button that copies the text. */
  copyButton = part("button copy", "button", { type: "button" });
  #text;
  #tail; // the text node that grows
  #caret = part("caret", "span", { "aria-hidden": "true" });
  #shown = "";
  #follows = true;
  #follow = part("follow", "button", { type: "button" }, icon("down"), "Follow");
  #copied;
  #empty = part("empty", "div");
  #sign = "";
  #emptyWords = part("empty-words", "p");

  constructor() {
    this.#text = part("text", "div", { tabindex: 0, role: "log", "aria-live": "off", "aria-label": "Text" });
    this.#beginBlock(document.createTextNode(""));
    this.#empty.append(this.#emptyWords, ...[1, 2, 3].map(() => part("line", "span", { "aria-hidden": "true" })));
    this.element = part("text-frame", "div", {}, this.#text, this.#empty, this.#follow);
    this.#text.addEventListener("scroll", () => this.#look(), { passive: true });
    this.#follow.addEventListener("click", () => this.#goToEnd());
    this.copyButton.addEventListener("click", () => this.#toClipboard());
    this.#offer("copy", "Copy");
    this.#follow.hidden = true;
  }

  /** Show the job's text, or what it waits for as long as there is none. */
  show(job, status, now) {
    const text = job.streamingText;
    this.#empty.hidden = text !== "";
    this.copyButton.hidden = text === "";
    if (!text) this.#wait(waitingWords(job, status, now), { sign: SIGNS[job.state] ?? "done", soon: isSoon(job, now) });
    if (text === this.#shown) return;
    if (!text.startsWith(this.#shown)) this.#clear();
    this.#append(text.slice(this.#shown.length));
    this.#shown = text;
    this.keepEnd();
  }

  /** Say why there is no job to show yet. */
  showUnknown(connection) {
    this.#wait(unknownWords(connection), { sign: "clock", soon: connection === "connecting" || isConnected(connection) });
  }

  /** Keep the end in view, unless the reader scrolled up; also when the frame has changed its size. */
  keepEnd() {
    if (this.#follows) this.#text.scrollTop = this.#text.scrollHeight;
    else this.#follow.hidden = false;
  }

  /** Let `change` change the frame's size or place; what the reader has before his eyes stays there. */
  anchor(change) {
    const text = this.#text;
    const top = text.getBoundingClientRect().top;
    const share = text.scrollTop / text.scrollHeight;
    change();
    const moved = text.getBoundingClientRect().top + share * text.scrollHeight - text.scrollTop - top;
    if (top < innerHeight && Math.abs(moved) >= 1) scrollBy({ top: moved, behavior: "instant" });
  }

  #clear() {
    this.#text.replaceChildren();
    this.#beginBlock(document.createTextNode(""));
    this.#shown = "";
  }

  #append(text) {
    this.#tail.appendData(text);
    while (this.#tail.length > BLOCK) {
      const end = this.#tail.data.indexOf("\n", BLOCK) + 1;
      if (end === 0 || end === this.#tail.length) break;
      this.#beginBlock(this.#tail.splitText(end));
    }
  }

  /** Let `node` be what grows from now on. */
  #beginBlock(node) {
    this.#tail = node;
    this.#text.append(part("block", "div", {}, node, this.#caret));
  }

  #wait(words, { sign, soon }) {
    setText(this.#emptyWords, words);
    setAttribute(this.#empty, "data-soon", soon ? "" : null);
    if (sign === this.#sign) return;
    this.#empty.querySelector(".icon")?.remove();
    this.#empty.prepend(icon((this.#sign = sign)));
  }

  #look() {
    const { scrollTop, clientHeight, scrollHeight } = this.#text;
    setAttribute(this.element, "data-scrolled", scrollTop > 0 && scrollHeight > clientHeight ? "" : null);
    this.#follows = scrollTop + clientHeight >= scrollHeight - NEAR_THE_END;
    if (this.#follows) this.#follow.hidden = true;
  }

  #goToEnd() {
    this.#follows = true;
    this.keepEnd();
    this.#follow.hidden = true;
    this.#text.focus({ preventScroll: true });
  }

  async #toClipboard() {
    try {
      await navigator.clipboard.writeText(this.#shown);
      this.#offer("check", "Copied");
    } catch {
      this.#select(); // the browser does not let scripts copy here: one key is left to press
      this.#offer("check", "Selected: press Ctrl+C");
    }
    clearTimeout(this.#copied);
    this.#copied = setTimeout(() => this.#offer("copy", "Copy"), COPIED_MS);
  }

  #select() {
    getSelection().selectAllChildren(this.#text);
  }

  #offer(name, words) {
    this.copyButton.replaceChildren(icon(name), part("", "span", { "aria-live": "polite" }, words));
  }
}
