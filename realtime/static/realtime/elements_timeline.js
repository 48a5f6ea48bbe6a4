/** The timeline: attempts as bars with a mark for what ended each, the steps of the present one below, and the same in words. */

import { part, setAttribute, setText } from "./elements_base.js";
import { paths } from "./elements_icons.js";
import { duration, endWords } from "./elements_words.js";
import { attempts, scale, stretches } from "./timeline.js";

const SVG = "http://www.w3.org/2000/svg";
const RETRY_MS = 3000;
const NAMED_FROM = 0.14; // a bar that takes a smaller share of the whole has no room for its name
const MARKS = { completed: "check", worker_lost: "cross", poison: "cross", failed: "cross", error: "cross", timeout: "cross" };

export class Timeline {
  element;
  #drawing = document.createElementNS(SVG, "svg");
  #list = part("attempts", "ol");
  #whole = part("timeline-whole", "span");
  #read;
  #transitions = [];
  #known = "";
  #notBefore = 0;

  /** `read(jobId)` returns the job's changes of state. */
  constructor(read) {
    this.#read = read;
    this.#drawing.setAttribute("part", "timeline");
    this.#drawing.setAttribute("aria-hidden", "true"); // the list says the same
    const title = part("timeline-title", "h2", {}, "Timeline ", this.#whole);
    this.element = part("timeline-frame", "section", {}, title, this.#drawing, this.#list);
    this.element.hidden = true;
  }

  /** Whether the job waits because its last worker was lost. */
  get isLost() {
    const last = this.#transitions.at(-1);
    return last?.target === "created" && last.reason === "worker_lost";
  }

  /** Read the job's changes of state if there are new ones. Returns whether it did; what failed is tried again after a while. */
  async follow(job) {
    const key = `${job.jobId} ${job.attempt} ${job.state}`;
    if (key === this.#known || Date.now() < this.#notBefore) return false;
    this.#known = key;
    try {
      const transitions = await this.#read(job.jobId);
      if (key === this.#known) this.#transitions = transitions;
      return key === this.#known;
    } catch {
      this.#known = "";
      this.#notBefore = Date.now() + RETRY_MS;
      return false;
    }
  }

  /** Draw it as it is at `now`, in Unix milliseconds. */
  show(job, now) {
    const life = stretches(this.#transitions, now);
    const runs = attempts(life);
    this.element.hidden = runs.length === 0;
    if (runs.length === 0) return;
    const { place, isCut } = scale(life);
    setText(this.#whole, duration(life.at(-1).to - life[0].from));
    const begun = job.steps.filter(({ startedAt }) => startedAt);
    setAttribute(this.#drawing, "data-flat", begun.length === 0 ? "" : null);
    this.#drawing.replaceChildren(
      ...life.map((stretch, index) => bar(stretch, place, isCut[index])),
      ...begun.map((step) => stepBar(step, place, life.at(-1).to)),
      ...life.filter(({ kind, end }) => kind === "running" && MARKS[end]).map((stretch) => mark(stretch, place)),
    );
    this.#tell(runs);
  }

  #tell(runs) {
    while (this.#list.childElementCount > runs.length) this.#list.lastElementChild.remove();
    runs.forEach(({ attempt, waited, ran, end, actor }, index) => {
      if (index >= this.#list.childElementCount) this.#list.append(part("attempt", "li"));
      const row = this.#list.children[index];
      const words = [`Attempt ${attempt}`, waited >= 100 && `waited ${duration(waited)}`, `ran ${duration(ran)}`, endWords(end, actor)];
      setText(row, words.filter(Boolean).join(" · "));
      setAttribute(row, "data-end", end ?? "running");
    });
  }
}

function bar({ kind, from, to, end }, place, isCut) {
  const rect = shape("rect", { y: kind === "running" ? 2 : 8, height: kind === "running" ? 16 : 4, rx: kind === "running" ? 4 : 2 });
  rect.setAttribute("class", `stretch ${kind} ${isCut ? "cut" : ""}`);
  rect.setAttribute("data-end", end ?? "running");
  return between(rect, place(from), place(to));
}

function stepBar({ name, startedAt, finishedAt, state }, place, now) {
  const [begin, end] = [place(Date.parse(startedAt)), place(finishedAt ? Date.parse(finishedAt) : now)];
  const step = between(shape("svg", { class: "step", "data-state": state, y: 24, height: 16 }), begin, end);
  const title = shape("title", {});
  title.textContent = name;
  step.append(title, shape("rect", { width: "100%", height: 16, rx: 3 }));
  if (end - begin >= NAMED_FROM) {
    const words = shape("text", { x: 6, y: 12 });
    words.textContent = name;
    step.append(words);
  }
  return step;
}

/** What ended an attempt, at its end. */
function mark({ to, end }, place) {
  const svg = shape("svg", { x: `${100 * place(to)}%`, y: 2, width: 16, height: 16, overflow: "visible" });
  const disc = shape("circle", { cx: -8, cy: 8, r: 7 });
  svg.setAttribute("class", "end");
  svg.setAttribute("data-end", end);
  svg.append(disc, ...paths(MARKS[end]));
  return svg;
}

function between(rect, begin, end) {
  rect.setAttribute("x", `${100 * begin}%`);
  rect.setAttribute("width", `${Math.max(0.3, 100 * (end - begin))}%`);
  return rect;
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
