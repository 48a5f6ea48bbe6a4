/** The style of the activity panel; the colours are in `elements_style.js`. */

export const panelCss = `
[part="panel"] { position: relative; border: 1px solid var(--_line); border-radius: var(--_radius); background: var(--_surface); overflow: hidden; container-type: inline-size; }
[part="progress-line"] { height: 2px; background: transparent; }
:host(:is([data-state="completed"], [data-state="cancelled"])) [part="line-fill"] { opacity: 0; transition: opacity 1s .6s; }

[part="head"] { display: grid; grid-template-columns: minmax(0, 1fr) auto; align-items: start; gap: .25rem 1.5rem; padding: 1.1rem 1.25rem 1rem; border-bottom: 1px solid var(--_line); }
[part="title"], ::slotted([slot="title"]) { unicode-bidi: plaintext; margin: 0; font: 600 1.1875rem/1.35 var(--_font); letter-spacing: -.012em; overflow-wrap: anywhere; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 6; overflow: hidden; }
[part="facts"] { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .75rem; min-height: 1.5rem; margin: .5rem 0 0; font-size: .8125rem; color: var(--_soft); font-variant-numeric: tabular-nums; }
[part="badge"] { display: inline-flex; align-items: center; gap: .4rem; padding: .1rem .6rem .1rem .5rem; border-radius: 1rem; font-weight: 600; color: var(--_state); background: color-mix(in srgb, var(--_state) 11%, transparent); }
[part="badge"]:empty { visibility: hidden; }
[part="badge"]::before { content: ""; width: .4rem; height: .4rem; border-radius: 50%; background: currentColor; }
[part="vitals"] { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; min-height: 1.5rem; margin: .35rem 0 0; padding: 0; list-style: none; font-size: .8125rem; color: var(--_soft); font-variant-numeric: tabular-nums; }
:host([data-ended]) [part="vitals"]:not(:has(:not([hidden])[part~="vital"])) { display: none; }
[part~="vital"] { --_light: var(--_soft); display: inline-flex; align-items: center; gap: .45rem; }
[part~="vital"][data-level="good"] { --_light: var(--_good); }
[part~="vital"][data-level="warn"] { --_light: var(--_warn); color: var(--_text); }
[part~="vital"][data-level="bad"] { --_light: var(--_bad); color: var(--_bad); font-weight: 600; }
[part="vital-light"] { flex: none; width: .5rem; height: .5rem; border-radius: 50%; background: var(--_light); transition: background-color .2s; }
[part~="vital"]:is([data-level="idle"], [data-level="unknown"]) [part="vital-light"] { background: none; box-shadow: inset 0 0 0 1.5px var(--_light); }
[part="actions"] { display: flex; gap: .5rem; min-height: 2rem; }
[part="note"] { grid-column: 1 / -1; margin: 0; font-size: .8125rem; color: var(--_soft); text-align: right; overflow-wrap: anywhere; }
[part="note"]:empty { display: none; }
[part="note"][data-bad] { color: var(--_bad); }

button { display: inline-flex; align-items: center; justify-content: center; gap: .4rem; font: 500 .8125rem/1.25 var(--_font); padding: .4rem .75rem; border: 1px solid var(--_line); border-radius: .5rem; color: var(--_text); background: var(--_surface); cursor: pointer; transition: background-color .12s, border-color .12s, color .12s; }
button:hover:not(:disabled) { background: var(--_sunk); border-color: color-mix(in srgb, var(--_soft) 45%, var(--_line)); }
button:disabled { opacity: .55; cursor: default; }
[part~="cancel"] { display: inline-grid; }
[part~="cancel"] span { grid-area: 1 / 1; }
[part~="cancel"] span:last-child, [part~="cancel"][data-asking] span:first-child { visibility: hidden; }
[part~="cancel"][data-asking] span:last-child { visibility: visible; }
[part~="cancel"]:hover:not(:disabled) { color: var(--_bad); border-color: color-mix(in srgb, var(--_bad) 45%, var(--_line)); }
[part~="cancel"][data-asking]:not(:disabled) { color: var(--_surface); background: var(--_bad); border-color: transparent; }
[part~="retry"], [part~="resume"] { color: var(--_surface); background: var(--_accent); border-color: transparent; }
[part~="retry"]:hover:not(:disabled), [part~="resume"]:hover:not(:disabled) { background: color-mix(in srgb, var(--_accent) 88%, var(--_text)); border-color: transparent; }

[part="body"] { --_height: var(--job-text-height, clamp(17rem, 52vh, 36rem)); display: grid; grid-template-columns: minmax(12rem, 16rem) minmax(0, 1fr); }
[part="main"] { grid-column: 2; min-width: 0; }
[part="toggle"] { grid-column: 1 / -1; justify-self: stretch; justify-content: flex-start; padding: .55rem 1.25rem; border: 0; border-bottom: 1px solid var(--_line); border-radius: 0; color: var(--_soft); background: var(--_sunk); }
[part="toggle"] .icon { transition: transform .15s; }
[part="toggle"][aria-expanded="false"] .icon { transform: rotate(-90deg); }
[part="toggle"]:focus-visible { outline-offset: -3px; }
[part="side"][hidden] + [part="main"] { grid-column: 1 / -1; }
[part="side"] { padding: 1rem 1rem 1rem 1.25rem; border-right: 1px solid var(--_line); background: var(--_sunk); }
[part="steps"] { list-style: none; margin: 0; padding: 0; }
[part="step"] { position: relative; display: grid; grid-template-columns: 1.25rem minmax(0, 1fr); column-gap: .6rem; height: 3.1rem; color: var(--_soft); }
[part="step"]:not(:last-child)::before { content: ""; position: absolute; left: calc(.625rem - .5px); top: 1.4rem; bottom: -.1rem; width: 1px; background: var(--_line); }
[part="step"][data-state="done"]:not(:last-child)::before { background: color-mix(in srgb, var(--_good) 45%, var(--_line)); }
[part="mark"] { display: grid; place-items: center; height: 1.4rem; }
[part="step-line"] { display: flex; align-items: baseline; gap: .5rem; }
[part="step-name"] { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 500; }
[part="step-time"], [part="step-detail"] { font-size: .8125rem; color: var(--_soft); font-variant-numeric: tabular-nums; white-space: nowrap; }
[part="step-detail"] { grid-column: 2; overflow: hidden; text-overflow: ellipsis; line-height: 1.2; }
[part="step"][data-state="done"] [part="mark"] { color: var(--_good); }
[part="step"][data-state="done"] [part="step-name"], [part="step"][data-state="running"] [part="step-name"] { color: var(--_text); }
[part="step"][data-state="running"] [part="step-name"] { font-weight: 650; }
[part="step"][data-state="running"] [part="mark"] { color: var(--_accent); }
[part="step"][data-state="running"] [part="mark"] .icon { stroke-width: 2; }
[part="step"][data-state="stopped"] [part="mark"] { color: var(--_state); }
[part="step"][data-state="pending"] [part="mark"] { opacity: .6; }

[part="error"] { display: flex; align-items: flex-start; gap: .65rem; padding: .85rem 1.25rem; color: var(--_bad); background: color-mix(in srgb, var(--_bad) 8%, transparent); border-bottom: 1px solid color-mix(in srgb, var(--_bad) 20%, var(--_line)); }
[part="error"] .icon { margin-top: .2rem; }
[part="error-words"] { unicode-bidi: plaintext; flex: 1; min-width: 0; overflow-wrap: anywhere; }
[part="error-code"] { font: .75rem/1.9 var(--_mono); opacity: .85; }
p[part="error"] { margin: 0; }
[part="text-frame"] { position: relative; display: grid; min-height: var(--_height); }
[part="text"] { grid-area: 1 / 1; height: var(--_height); overflow-y: auto; padding: 1.25rem 1.25rem 2.5rem; white-space: pre-wrap; overflow-wrap: anywhere; overscroll-behavior: contain; scrollbar-gutter: stable; scrollbar-width: thin; font-size: 1rem; line-height: 1.7; }
[part="text"]:focus-visible { outline-offset: -3px; border-radius: .5rem; }
[part="block"] { unicode-bidi: plaintext; }
[part="text-frame"]::before { content: ""; position: absolute; z-index: 1; inset: 0 1rem auto; height: 1.75rem; background: linear-gradient(var(--_surface), transparent); opacity: 0; pointer-events: none; transition: opacity .15s; }
[part="text-frame"][data-scrolled]::before { opacity: 1; }
:host([data-ended]) [part="text-frame"] { min-height: 0; }
:host([data-ended]) [part="text"] { height: auto; padding-bottom: 1.75rem; }
:host([data-ended]) [part="empty"] { position: static; padding-block: 2.5rem; }
:host([data-folded]) [part="text"] { padding-right: max(1.25rem, 100cqi - 47.5rem); }
[part="caret"] { display: none; }
:host([data-state="running"][data-connection="online"]) [part="caret"] { display: inline-block; width: .5em; height: 1.05em; margin-left: .1em; vertical-align: -.16em; border-radius: 1px; background: var(--_accent); }
[part="empty"] { grid-area: 1 / 1; position: absolute; inset: 0; padding: 1.25rem; display: flex; flex-direction: column; gap: .8rem; color: var(--_soft); pointer-events: none; }
[part="empty"]:not([data-soon]) { align-items: center; justify-content: center; gap: .6rem; text-align: center; }
[part="empty"] .icon { width: 1.75rem; height: 1.75rem; stroke-width: 1.1; opacity: .75; }
[part="empty"][data-soon] .icon { display: none; }
[part="empty-words"] { margin: 0 0 .2rem; overflow-wrap: anywhere; }
[part="line"] { display: none; height: .7rem; border-radius: .35rem; background: color-mix(in srgb, var(--_soft) 16%, transparent); }
[part="empty"][data-soon] [part="line"] { display: block; }
[part="line"]:nth-child(3) { width: 72%; }
[part="line"]:nth-child(4) { width: 84%; }
[part="line"]:nth-child(5) { width: 46%; }
[part~="copy"] .icon { width: .9375rem; height: .9375rem; color: var(--_soft); }
[part="follow"] { position: absolute; bottom: .9rem; left: 50%; transform: translateX(-50%); border-radius: 2rem; padding: .4rem .9rem .4rem .7rem; box-shadow: 0 4px 14px rgb(0 0 0 / .14); }

[part="outcome"] { padding: 1.1rem 0 .75rem; border-top: 1px solid var(--_line); background: var(--_sunk); }
[part="outcome-title"], [part="log-title"] { margin: 0; padding: 0 1.25rem .4rem; font: 600 .8125rem/1.4 var(--_font); color: var(--_soft); }
[part="sources"] { list-style: none; margin: 0; padding: 0 .5rem; }
[part="source-line"] { display: grid; grid-template-columns: 1.4rem minmax(0, max-content) minmax(5rem, 1fr); align-items: baseline; gap: .6rem; padding: .35rem .75rem; border-radius: .5rem; font-size: .9375rem; }
summary[part="source-line"] { cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary[part="source-line"]:hover { background: color-mix(in srgb, var(--_soft) 9%, transparent); }
summary:focus-visible { outline-offset: -2px; }
[part="source-number"] { display: grid; place-items: center; min-width: 1.4rem; height: 1.4rem; border-radius: .35rem; font: 600 .75rem/1 var(--_mono); color: var(--_soft); background: color-mix(in srgb, var(--_soft) 13%, transparent); }
[part="source-title"] { overflow-wrap: anywhere; font-weight: 500; }
[part="source-path"] { min-width: 0; font: .8125rem/1.4 var(--_mono); color: var(--_soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
[part="passage"] { unicode-bidi: plaintext; margin: .25rem .75rem .75rem 2.75rem; padding: .1rem 0 .1rem .9rem; border-left: 2px solid var(--_line); color: var(--_soft); font-size: .875rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 16rem; overflow-y: auto; }
[part="result"] { margin: 0; padding: 0 1.25rem .5rem; font: .8125rem/1.6 var(--_mono); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 20rem; overflow-y: auto; }
[part="log-frame"] { padding: .8rem 0 .9rem; border-top: 1px solid var(--_line); background: var(--_sunk); }
:host([data-folded]) [part="log-frame"] { display: none; }
[part="log-count"] { font-weight: 400; }
[part="log"] { list-style: none; margin: 0; padding: 0 1.25rem; max-height: 9rem; overflow-y: auto; scrollbar-width: thin; font: .8125rem/1.65 var(--_mono); }
[part="log-line"] { unicode-bidi: plaintext; overflow-wrap: anywhere; color: var(--_text); }
[part="log-time"] { margin-right: .9rem; color: var(--_soft); }
[part="log-line"][data-level="debug"] { color: var(--_soft); }
[part="log-line"][data-level="warning"] { color: var(--_warn); }
[part="log-line"][data-level="error"] { color: var(--_bad); }

[part="timeline-frame"] { padding: .8rem 1.25rem 1.1rem; border-top: 1px solid var(--_line); background: var(--_sunk); }
:host([data-folded]) [part="timeline-frame"] { display: none; }
[part="timeline-title"] { margin: 0; padding: 0 0 .5rem; font: 600 .8125rem/1.4 var(--_font); color: var(--_soft); }
[part="timeline-whole"] { font-weight: 400; font-variant-numeric: tabular-nums; }
[part="timeline"] { display: block; width: 100%; height: 42px; overflow: visible; }
[part="timeline"][data-flat] { height: 20px; }
.stretch { fill: color-mix(in srgb, var(--_soft) 30%, transparent); }
.stretch.cut { fill: color-mix(in srgb, var(--_soft) 15%, transparent); }
.stretch.running { fill: color-mix(in srgb, var(--_accent) 70%, var(--_surface)); }
.stretch.running[data-end="completed"] { fill: color-mix(in srgb, var(--_good) 70%, var(--_surface)); }
.stretch.running:is([data-end="failed"], [data-end="worker_lost"], [data-end="poison"], [data-end="error"], [data-end="timeout"]) { fill: color-mix(in srgb, var(--_bad) 55%, var(--_surface)); }
.stretch.running:is([data-end="cancelled"], [data-end="paused"], [data-end="interrupted"]) { fill: color-mix(in srgb, var(--_warn) 60%, var(--_surface)); }
.step rect { fill: color-mix(in srgb, var(--_accent) 20%, var(--_surface)); stroke: var(--_sunk); stroke-width: 1; }
.step:nth-child(even) rect { fill: color-mix(in srgb, var(--_accent) 34%, var(--_surface)); }
.step[data-state="stopped"] rect { fill: color-mix(in srgb, var(--_bad) 26%, var(--_surface)); }
.step text { fill: var(--_text); font: 500 .6875rem/1 var(--_font); }
.end { --_mark: var(--_bad); fill: none; stroke: var(--_surface); stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
.end[data-end="completed"] { --_mark: var(--_good); }
.end circle { fill: var(--_mark); stroke: var(--_sunk); }
.end path { transform: translate(-14.4px, 1.6px) scale(.8); }
[part="attempts"] { list-style: none; margin: .5rem 0 0; padding: 0; font-size: .8125rem; color: var(--_soft); font-variant-numeric: tabular-nums; }
[part="attempt"]:is([data-end="failed"], [data-end="worker_lost"], [data-end="poison"], [data-end="error"], [data-end="timeout"]) { color: var(--_bad); }

:host([data-state="missing"]) :is([part="text-frame"], [part="side"], [part="actions"], [part="toggle"], [part="outcome"], [part="log-frame"], [part="timeline-frame"], [part="vitals"], [part="meta"]) { display: none; }
:host([data-state="missing"]) [part="main"] { grid-column: 1 / -1; }
@container (max-width: 44rem) {
  [part="head"] { grid-template-columns: minmax(0, 1fr); padding: 1rem; }
  [part="actions"] { min-height: 0; margin-top: .5rem; }
  [part="actions"] button { flex: 1; min-height: 2.5rem; }
  [part="actions"] [part~="copy"] { flex: 0 1 auto; }
  [part="actions"]:not(:has(button:not([hidden]))) { display: none; }
  [part="note"] { text-align: left; }
  [part="body"] { --_height: var(--job-text-height, clamp(14rem, 44vh, 24rem)); grid-template-columns: minmax(0, 1fr); }
  [part="main"] { grid-column: 1; }
  [part="side"] { padding: .75rem 1rem .5rem; border-right: 0; border-bottom: 1px solid var(--_line); }
  [part="step"] { height: 1.75rem; }
  [part="step"]::before { display: none; }
  [part="step-detail"] { display: none; }
  :host(:not([data-state="completed"])) [part="steps"] { display: flex; flex-wrap: wrap; gap: .25rem .6rem; }
  :host(:not([data-state="completed"])) [part="step"] { display: flex; gap: .5rem; height: 1.5rem; }
  :host(:not([data-state="completed"])) [part="step"]:is([data-state="running"], [data-state="stopped"]), :host([data-state="created"]) [part="step"]:first-child { flex: 1; }
  :host(:not([data-state="completed"])) [part="step-line"] { flex: 1; min-width: 0; }
  :host(:not([data-state="completed"])) [part="step"]:is([data-state="done"], [data-state="pending"]) [part="step-line"] { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  :host([data-state="created"]) [part="step"]:first-child [part="step-line"] { position: static; width: auto; height: auto; clip-path: none; }
  [part="text"] { padding: 1rem 1rem 2.5rem; }
  :host([data-folded]) [part="text"] { padding: 1.1rem 1rem 1.5rem; }
  [part="toggle"], [part="outcome-title"], [part="log-title"], [part="log"], [part="result"] { padding-inline: 1rem; }
  [part="error"], [part="timeline-frame"] { padding-inline: 1rem; }
  [part="empty"] { padding: 1rem; }
  [part="sources"] { padding: 0 .25rem; }
  [part="source-line"] { grid-template-columns: 1.4rem minmax(0, 1fr); row-gap: 0; }
  [part="source-path"] { grid-column: 2; }
}
@container (max-width: 20rem) {
  :host(:not([data-state="completed"])) [part="steps"] { column-gap: .3rem; }
}
@container (min-width: 60rem) {
  :host([data-folded]) [part="main"]:has([part="sources"]) { display: grid; grid-template-columns: minmax(0, 1fr) 21rem; }
  :host([data-folded]) [part="main"]:has([part="sources"]) [part="error"] { grid-column: 1 / -1; }
  :host([data-folded]) [part="main"]:has([part="sources"]) [part="text"] { padding-right: max(1.25rem, 100cqi - 68.5rem); }
  :host([data-folded]) [part="outcome"]:has([part="sources"]) { padding-top: 1.35rem; border-top: 0; border-left: 1px solid var(--_line); }
  :host([data-folded]) [part="source-line"] { grid-template-columns: 1.4rem minmax(0, 1fr); row-gap: 0; }
  :host([data-folded]) [part="source-path"] { grid-column: 2; }
}
@media (prefers-reduced-motion: no-preference) {
  [part="step"][data-state="running"] [part="mark"] .icon { animation: turn 1.1s linear infinite; }
  :host(:is([data-connection="offline"], [data-connection="closed"])) [part="mark"] .icon { animation-play-state: paused; }
  [part="caret"] { animation: blink 1.1s steps(2, jump-none) infinite; }
  [part="line"] { animation: breathe 1.8s ease-in-out infinite; }
  [part="line"]:nth-child(4) { animation-delay: .15s; }
  [part="line"]:nth-child(5) { animation-delay: .3s; }
  :host([data-state="running"]) [part="badge"]::before { animation: breathe 1.6s ease-in-out infinite; }
  @keyframes turn { to { transform: rotate(1turn); } }
  @keyframes blink { 60%, to { opacity: 0; } }
  @keyframes breathe { 50% { opacity: .35; } }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`;
