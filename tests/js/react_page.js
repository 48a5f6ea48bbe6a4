/** A page for React: a real DOM that is not drawn, and the client's modules with the React that is installed here. */

import { register } from "node:module";

import { Window } from "happy-dom";

import { settle } from "./fake_server.js";
import { connected } from "./rig.js";

// The client's modules say `import "react"`, as an app has it; here it lies beside the tests.
const resolver = `export const resolve = (name, context, next) =>
  next(name, name === "react" ? { ...context, parentURL: ${JSON.stringify(import.meta.url)} } : context);`;
register(`data:text/javascript,${encodeURIComponent(resolver)}`);

const window = new Window({ url: "https://jobs.example/" });
for (const name of ["document", "navigator", "HTMLElement", "HTMLIFrameElement", "Node"]) {
  Object.defineProperty(globalThis, name, { value: window[name], configurable: true });
}
globalThis.window = window;
globalThis.IS_REACT_ACT_ENVIRONMENT = true;

export const { act, createElement, StrictMode } = await import("react");
export const { createRoot, hydrateRoot } = await import("react-dom/client");
export const jobs = await import("../../realtime/static/realtime/react.js");

/** Render into the page; `show` renders anew, `text` is what is there to be read. */
export async function render(t, element) {
  const container = document.createElement("div");
  document.body.append(container);
  const root = createRoot(container);
  const show = (next) => act(async () => root.render(next));
  const end = () => act(async () => root.unmount());
  t.after(async () => {
    await end();
    container.remove();
  });
  await show(element);
  return { container, show, end, find: (selector) => container.querySelector(selector), text: (selector) => container.querySelector(selector)?.textContent };
}

/** A client whose frames the test draws: `draw` calls back what waits for the next one. */
export async function drawn(options) {
  const waiting = [];
  const all = await connected({ schedule: (callback) => waiting.push(callback), ...options });
  const draw = async () => {
    await settle();
    await act(async () => waiting.splice(0).forEach((callback) => callback()));
  };
  return { ...all, draw };
}

/** A component that notes what the hook gives, with each render. */
export function probe(hook) {
  const seen = { renders: 0, all: [] };
  const Probe = (properties) => {
    seen.renders++;
    seen.now = hook(properties);
    seen.all.push(seen.now);
    return null;
  };
  return [Probe, seen];
}

/** Children that have this client. */
export const under = (client, ...children) => createElement(jobs.JobsProvider, { client }, ...children);
