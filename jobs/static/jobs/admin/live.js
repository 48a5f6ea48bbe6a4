/** Keeps a part of a page fresh: asks for it again, and changes in place what is different. Nothing is asked while nobody looks. */

const WAIT_AFTER_FAILURE = 3;
const part = document.getElementById("live");
const light = document.getElementById("live-light");
const everyMs = 1000 * Number(part.dataset.everySeconds);
let isAsking = false;
let timer = setTimeout(ask, everyMs);

document.addEventListener("visibilitychange", () => document.hidden || ask());
shine(true);

async function ask() {
  clearTimeout(timer);
  if (document.hidden || isAsking) return; // it is asked again when somebody looks
  isAsking = true;
  const fresh = await freshPart().catch(() => null);
  isAsking = false;
  if (fresh) {
    freshen(part, fresh);
    document.dispatchEvent(new CustomEvent("freshened"));
  }
  shine(fresh !== null);
  timer = setTimeout(ask, everyMs * (fresh ? 1 : WAIT_AFTER_FAILURE));
}

function shine(isLive) {
  const words = isLive ? "Live" : "Not live: the server does not answer";
  light.dataset.live = String(isLive);
  if (light.textContent !== words) light.textContent = words; // what is said again is read out again
}

/** Return the part as it is now; null when the answer has none, as one who was signed out gets. */
async function freshPart() {
  const response = await fetch(location.href, { headers: { "X-Live-Part": "1" } });
  if (!response.ok) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html").getElementById("live");
}

/** Make `old` what `fresh` is, and keep what a person has done to it: what is unfolded, chosen, focused or scrolled stays so. */
function freshen(old, fresh) {
  if (old.isEqualNode(fresh) || movesByItself(old)) return;
  if (old.nodeType === Node.TEXT_NODE) {
    old.data = fresh.data;
    return;
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  const known = new Map([...old.children].map((child) => [keyOf(child), child]));
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    const match = key === null ? (isLike(at, child) ? at : null) : (known.get(key) ?? null);
    if (match === null) {
      old.insertBefore(document.adoptNode(child), at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    freshen(match, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

const isLike = (old, fresh) => old !== null && old.nodeName === fresh.nodeName && keyOf(old) === null;

/** Return what a row is about, wherever it stands; null for all else, which is known by its place. */
function keyOf(node) {
  return node.nodeName === "TR" ? (node.querySelector("[data-key]")?.dataset.key ?? null) : null;
}

/** Tell whether the socket keeps it as it is, and is ahead of the server's rows. */
function movesByItself(node) {
  return document.body.dataset.connection === "online" && node.nodeType === Node.ELEMENT_NODE && node.classList.contains("job-progress");
}
