/** What the elements share: the page's client, a shadow root with the shared style, and small ways to build nodes. */

import { JobClient } from "./client.js";
import { css } from "./elements_style.js";

let client = null;

/** Have all elements of this page use `client`; without it, the first element makes one from its `api-url` and `token`. */
export function useClient(theClient) {
  client = theClient;
}

const sheet = new CSSStyleSheet(); // no inline style, so that a strict Content-Security-Policy is fine with it
sheet.replaceSync(css);

/** An element that shows the job which its `job-id` names. */
export class JobElement extends HTMLElement {
  static observedAttributes = ["job-id"];

  #leave = null;

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
  }

  /** The client of this page. */
  get client() {
    if (!client) {
      client = new JobClient({ apiUrl: this.getAttribute("api-url") ?? "", token: this.getAttribute("token") });
      client.connect();
    }
    return client;
  }

  /** The job's id. */
  get jobId() {
    return this.getAttribute("job-id");
  }

  connectedCallback() {
    if (!this.shadowRoot.hasChildNodes()) this.build(this.shadowRoot);
    queueMicrotask(() => this.isConnected && this.#watch()); // the page's own script may come with a client first
  }

  disconnectedCallback() {
    this.#leave?.();
    this.#leave = null;
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#leave || before === after) return;
    this.#leave();
    this.#leave = null;
    this.#watch();
  }

  #watch() {
    if (this.#leave) return;
    if (this.jobId) this.#leave = this.client.subscribe(this.jobId, (job, about) => this.show(job, about));
    else this.#leave = this.client.onConnection((connection) => this.show(null, { connection }));
  }
}

/** Return an element with a part of this name, attributes and children. */
export function part(name, tag = "div", attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (name) element.setAttribute("part", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Set what changed only: a screen reader and a style recalculation have less to do. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute if it is another; `null` removes it. */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}
