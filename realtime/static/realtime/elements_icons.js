/** The drawings of the elements: lines on a grid of 16, in the colour of the text around them. */

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  pending: ["M8 2.75a5.25 5.25 0 1 0 0 10.5a5.25 5.25 0 1 0 0-10.5"],
  running: ["M8 2.25a5.75 5.75 0 1 0 5.75 5.75"],
  done: ["M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5", "M5.2 8.2l2 2l3.8-4.2"],
  stopped: ["M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5", "M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2"],
  copy: ["M5.75 5.75h7.5v7.5h-7.5zM10.25 5.5v-2.75h-7.5v7.5h2.75"],
  check: ["M3 8.5l3.2 3.2l6.8-7.4"],
  down: ["M8 3v9.5M4 8.75l4 4l4-4"],
  warning: ["M8 1.9l6.4 11.6h-12.8zM8 6.4v3.4M8 11.5v.3"],
  cross: ["M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6"],
  clock: ["M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5", "M8 4.5v3.75l2.4 1.4"],
  pause: ["M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 1 0 0-12.5", "M6.4 5.8v4.4M9.6 5.8v4.4"],
  fold: ["M4 6.25l4 4l4-4"],
};

/** Return a new drawing. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon", `icon-${name}`);
  svg.append(...paths(name));
  return svg;
}

/** Return the lines of a drawing. */
export function paths(name) {
  return PATHS[name].map((d) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    return path;
  });
}
