/** The style of the elements. Custom properties and parts are the ways in: `--job-accent: teal`, `::part(text) { … }`. */

export const css = `
:host {
  --_text: var(--job-text, light-dark(#1c2024, #e8eaed));
  --_soft: var(--job-soft, light-dark(#5c6570, #9aa4b0));
  --_line: var(--job-line, light-dark(#dfe3e8, #2d333b));
  --_surface: var(--job-surface, light-dark(#ffffff, #171b21));
  --_sunk: var(--job-sunk, light-dark(#f5f7f9, #10141a));
  --_accent: var(--job-accent, light-dark(#3257d6, #8aa6ff));
  --_good: var(--job-good, light-dark(#14783f, #56d08a));
  --_warn: var(--job-warn, light-dark(#8f5a00, #f0b849));
  --_bad: var(--job-bad, light-dark(#b3261e, #ff8a80));
  --_state: var(--_soft);
  color-scheme: var(--job-color-scheme, light dark);
  display: block; color: var(--_text);
  font: var(--job-font, 400 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
}
:host([data-state="running"]) { --_state: var(--_accent); }
:host([data-state="completed"]) { --_state: var(--_good); }
:host([data-state="failed"]) { --_state: var(--_bad); }
:host([data-state="paused"]), :host([data-state="cancelled"]) { --_state: var(--_warn); }
[hidden] { display: none !important; }

[part="status-bar"] { display: flex; align-items: center; gap: .9rem; min-height: 2.5rem; font-size: .875rem; }
[part="connection"] { display: inline-flex; align-items: center; gap: .5rem; color: var(--_soft); white-space: nowrap; }
[part="light"] { flex: none; width: .6rem; height: .6rem; border-radius: 50%; background: var(--_soft); }
:host([data-connection="online"]) [part="light"] { background: var(--_good); box-shadow: 0 0 0 3px color-mix(in srgb, var(--_good) 22%, transparent); }
:host([data-connection="degraded"]) [part="light"], :host([data-connection="connecting"]) [part="light"] { background: var(--_warn); }
:host([data-connection="offline"]) [part="light"], :host([data-connection="closed"]) [part="light"] { background: var(--_bad); }
[part="state"] { color: var(--_state); font-weight: 600; white-space: nowrap; }
[part="headline"] { flex: 1 1 8rem; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--_soft); }
[part="bar"] { flex: 0 1 14rem; min-width: 4rem; height: .375rem; border-radius: 1rem; overflow: hidden; background: var(--_line); }
[part="fill"] { height: 100%; border-radius: inherit; background: var(--_state); transform: scaleX(0); transform-origin: left; transition: transform .25s ease-out; }
[part="percent"] { min-width: 3.2em; text-align: right; font-variant-numeric: tabular-nums; color: var(--_soft); }
@media (max-width: 40rem) { [part="status-bar"] { gap: .6rem; } [part="headline"], [part="percent"] { display: none; } [part="bar"] { flex: 1 1 auto; } }

[part="panel"] { display: grid; grid-template-columns: minmax(11rem, 15rem) minmax(0, 1fr); border: 1px solid var(--_line); border-radius: .75rem; background: var(--_surface); overflow: hidden; }
[part="head"] { grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; padding: .9rem 1.1rem; border-bottom: 1px solid var(--_line); }
[part="title"] { flex: 1 1 12rem; min-width: 0; margin: 0; font-size: 1rem; font-weight: 600; overflow-wrap: anywhere; }
[part="badge"] { padding: .1rem .65rem; border-radius: 1rem; font-size: .8125rem; font-weight: 600; color: var(--_state); background: color-mix(in srgb, var(--_state) 13%, transparent); }
[part="time"] { color: var(--_soft); font-size: .8125rem; font-variant-numeric: tabular-nums; }
[part="side"] { padding: 1rem 1.1rem; border-right: 1px solid var(--_line); }
[part="main"] { display: flex; flex-direction: column; min-width: 0; }
[part="steps"] { list-style: none; margin: 0; padding: 0; display: grid; gap: .1rem; }
[part="step"] { display: grid; grid-template-columns: 1.25rem 1fr auto; align-items: baseline; gap: .5rem; min-height: 1.9rem; color: var(--_soft); }
[part="step"][data-state="running"], [part="step"][data-state="done"] { color: var(--_text); }
[part="step"][data-state="running"] { font-weight: 600; }
[part="mark"] { display: grid; place-items: center; font-size: .8125rem; color: var(--_soft); }
[part="step"][data-state="done"] [part="mark"] { color: var(--_good); }
[part="step"][data-state="stopped"] [part="mark"] { color: var(--_bad); }
[part="step"][data-state="running"] [part="mark"] { color: var(--_accent); }
[part="step-time"] { font-size: .8125rem; font-weight: 400; color: var(--_soft); font-variant-numeric: tabular-nums; }
[part="text"] { flex: 1; height: 22rem; overflow-y: auto; padding: 1rem 1.25rem; white-space: pre-wrap; overflow-wrap: anywhere; overscroll-behavior: contain; scrollbar-gutter: stable; line-height: 1.65; }
[part="text"]:focus-visible { outline: 2px solid var(--_accent); outline-offset: -2px; }
[part="empty"] { color: var(--_soft); }
[part="foot"] { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; min-height: 2.25rem; padding: .6rem 1.1rem; border-top: 1px solid var(--_line); }
[part="note"] { flex: 1 1 10rem; min-width: 0; color: var(--_soft); font-size: .8125rem; overflow-wrap: anywhere; }
[part="note"][data-bad] { color: var(--_bad); }
[part="error"] { margin: 0; padding: .8rem 1.25rem; color: var(--_bad); background: color-mix(in srgb, var(--_bad) 9%, transparent); border-bottom: 1px solid var(--_line); overflow-wrap: anywhere; }
[part="log"] { list-style: none; margin: 0; padding: .6rem 1.25rem; max-height: 8rem; overflow-y: auto; border-top: 1px solid var(--_line); background: var(--_sunk); font: .8125rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
[part="log-line"] { overflow-wrap: anywhere; color: var(--_soft); }
[part="log-line"][data-level="warning"] { color: var(--_warn); }
[part="log-line"][data-level="error"] { color: var(--_bad); }
[part="sources"] { margin: 0; padding: .9rem 1.25rem 1rem 2.6rem; border-top: 1px solid var(--_line); background: var(--_sunk); font-size: .875rem; }
[part="source"]::marker { color: var(--_soft); font-variant-numeric: tabular-nums; }
[part="source-path"] { color: var(--_soft); margin-left: .5rem; font-size: .8125rem; overflow-wrap: anywhere; }
[part="result"] { margin: 0; padding: .9rem 1.25rem; border-top: 1px solid var(--_line); background: var(--_sunk); font: .8125rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 16rem; overflow-y: auto; }
button { font: inherit; font-size: .875rem; padding: .35rem .85rem; border: 1px solid var(--_line); border-radius: .5rem; color: var(--_text); background: var(--_surface); cursor: pointer; }
button:hover { border-color: var(--_soft); }
button:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
button:disabled { opacity: .5; cursor: default; }
button[data-danger] { color: var(--_bad); border-color: color-mix(in srgb, var(--_bad) 45%, var(--_line)); }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 46rem) { [part="panel"] { grid-template-columns: minmax(0, 1fr); } [part="side"] { border-right: 0; border-bottom: 1px solid var(--_line); } [part="text"] { height: 18rem; } }
@media (prefers-reduced-motion: no-preference) { [part="step"][data-state="running"] [part="mark"] { animation: breathe 1.6s ease-in-out infinite; } @keyframes breathe { 50% { opacity: .35; } } }
@media (prefers-reduced-motion: reduce) { [part="fill"] { transition: none; } }
`;
