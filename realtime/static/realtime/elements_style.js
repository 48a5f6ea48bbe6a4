/**
 * The style of the elements. Custom properties and parts are the ways in: `--job-accent: teal`, `::part(text) { … }`.
 * Properties: --job-text --job-soft --job-line --job-surface --job-sunk --job-accent --job-good --job-warn --job-bad
 * --job-font --job-mono --job-radius --job-text-height --job-color-scheme.
 */

import { panelCss } from "./elements_style_panel.js";

const sharedCss = `
:host {
  --_text: var(--job-text, light-dark(#16181d, #e7e9ee));
  --_soft: var(--job-soft, light-dark(#5b6270, #99a2b0));
  --_line: var(--job-line, light-dark(#e3e5ea, #262b34));
  --_surface: var(--job-surface, light-dark(#ffffff, #14171c));
  --_sunk: var(--job-sunk, light-dark(#f7f8fa, #101318));
  --_accent: var(--job-accent, light-dark(#3451d1, #8ea4ff));
  --_good: var(--job-good, light-dark(#12753f, #4fcf8c));
  --_warn: var(--job-warn, light-dark(#8a5a00, #ecb64e));
  --_bad: var(--job-bad, light-dark(#b42318, #ff8d83));
  --_font: var(--job-font, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif);
  --_mono: var(--job-mono, ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace);
  --_radius: var(--job-radius, .75rem);
  --_state: var(--_soft);
  color-scheme: var(--job-color-scheme, light dark);
  display: block; color: var(--_text); font: 400 .9375rem/1.5 var(--_font);
  -webkit-font-smoothing: antialiased; text-rendering: optimizeLegibility;
}
:host([data-state="running"]) { --_state: var(--_accent); }
:host([data-state="completed"]) { --_state: var(--_good); }
:host([data-state="failed"]) { --_state: var(--_bad); }
:host([data-state="paused"]), :host([data-state="cancelled"]) { --_state: var(--_warn); }
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon { flex: none; width: 1rem; height: 1rem; fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }

[part="status-bar"] { display: flex; align-items: center; gap: 1rem; height: 2.75rem; font-size: .875rem; white-space: nowrap; }
[part="connection"] { display: inline-flex; align-items: center; gap: .55rem; color: var(--_soft); min-width: 5.5rem; overflow: hidden; padding: .25rem 0 .25rem .25rem; }
[part="as-of"] { overflow: hidden; text-overflow: ellipsis; font-variant-numeric: tabular-nums; }
[part="as-of"]:empty { display: none; }
[part="as-of"]::before { content: "· "; }
[part="light"] { flex: none; width: .55rem; height: .55rem; border-radius: 50%; background: var(--_soft); transition: background-color .2s, box-shadow .2s; }
:host([data-connection="online"]) [part="light"] { background: var(--_good); box-shadow: 0 0 0 3px color-mix(in srgb, var(--_good) 20%, transparent); }
:host(:is([data-connection="degraded"], [data-connection="connecting"])) [part="light"] { background: var(--_warn); box-shadow: 0 0 0 3px color-mix(in srgb, var(--_warn) 20%, transparent); }
:host(:is([data-connection="offline"], [data-connection="closed"])) [part="light"] { background: var(--_bad); box-shadow: 0 0 0 3px color-mix(in srgb, var(--_bad) 20%, transparent); }
:host(:is([data-connection="offline"], [data-connection="closed"])) [part="link"] { color: var(--_bad); font-weight: 600; }
[part="about"] { flex: 1 1 0; min-width: 0; display: flex; align-items: baseline; gap: .75rem; }
[part="state"] { color: var(--_state); font-weight: 600; }
[part="state"]:empty, [part="job"]:empty { display: none; }
[part="job"] { flex: 0 1 auto; min-width: 4rem; max-width: 60%; overflow: hidden; text-overflow: ellipsis; color: inherit; text-decoration: none; }
[part="job"]:is(:hover, :focus-visible) { text-decoration: underline; text-underline-offset: .2em; }
[part="headline"], [part="job"] { unicode-bidi: plaintext; }
[part="headline"] { flex: 1 1 0; min-width: 25%; overflow: hidden; text-overflow: ellipsis; color: var(--_soft); font-variant-numeric: tabular-nums; }
[part="bar"] { flex: 0 1 12rem; min-width: 4rem; height: .375rem; border-radius: 1rem; overflow: hidden; background: color-mix(in srgb, var(--_soft) 22%, transparent); }
[part="fill"], [part="line-fill"] { height: 100%; background: var(--_state); transform: scaleX(0); transform-origin: left; transition: transform .3s cubic-bezier(.2, .7, .3, 1), background-color .2s; }
[part="percent"] { min-width: 3.1em; text-align: right; font-variant-numeric: tabular-nums; color: var(--_soft); }
[part="percent"]:empty { display: none; }
@media (max-width: 46rem) {
  [part="status-bar"] { position: relative; gap: .75rem; }
  [part="headline"] { display: none; }
  [part="about"] { justify-content: flex-end; }
  [part="job"] { display: none; }
  [part="bar"] { position: absolute; inset: auto 0 0; height: 3px; border-radius: 0; }
}
@media (max-width: 46rem) { :host(:not([job-id])) [part="headline"] { display: block; text-align: right; } }
@media (prefers-reduced-motion: reduce) { [part="fill"], [part="line-fill"], [part="light"] { transition: none; } }
@media (forced-colors: active) { [part="light"], [part="fill"], [part="line-fill"] { forced-color-adjust: none; } [part="bar"] { border: 1px solid CanvasText; } }
`;

export const css = sharedCss + panelCss;
