/** Three honest lights: the link to the server, the worker, the work. Each says what is known, and nothing more. */

import { part, setAttribute, setText } from "./elements_base.js";
import { linkVital, workerVital, workVital } from "./elements_words.js";

const NAMES = ["link", "worker", "work"];

export class Vitals {
  element = part("vitals", "ul", { "aria-label": "Signs of life" });
  #lights = NAMES.map((name) => {
    const words = part("vital-words", "span");
    const light = part(`vital ${name}-vital`, "li", {}, part("vital-light", "span", { "aria-hidden": "true" }), words);
    this.element.append(light);
    return { light, words };
  });

  /** Show how they are at `now`, in Unix milliseconds. `isLost`: the job waits because its worker was lost. */
  show(job, about, { now, reason, isLost }) {
    const vitals = [linkVital(job, about, reason), workerVital(job, about, { now, isLost }), workVital(job, about)];
    vitals.forEach((vital, index) => {
      const { light, words } = this.#lights[index];
      light.hidden = vital === null;
      setAttribute(light, "data-level", vital?.level ?? null);
      setText(words, vital?.words ?? "");
    });
  }
}
