/** Signed in by the session that the page came with: what its script needs for the socket and for REST. */

import { JobClient, SignedOut } from "../realtime/client.js";

const { csrfToken, user } = JSON.parse(document.getElementById("page-data").textContent);

/** Return a single-use ticket for the socket: no token that lives longer is ever in a script's hands. */
async function ticket() {
  const response = await fetch("/api/auth/ticket", { method: "POST", headers: { "X-CSRFToken": csrfToken } });
  if (response.status === 401 || response.status === 403) throw new SignedOut("signed out");
  if (!response.ok) throw new Error(`no ticket: ${response.status}`);
  return (await response.json()).ticket;
}

/** Return a client of this page; with `keeps`, what the user saw outlives the page in this browser. */
export function sessionClient({ keeps }) {
  return new JobClient({ getToken: ticket, apiHeaders: () => ({ "X-CSRFToken": csrfToken }), keepFor: keeps ? user : null });
}
