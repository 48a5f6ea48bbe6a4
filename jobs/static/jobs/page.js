/** What every page does: one client for all of its elements, signed in by the session that the page came with. */

import { JobClient, SignedOut } from "../realtime/client.js";
import { useClient } from "../realtime/elements.js";

const { csrfToken } = JSON.parse(document.getElementById("page-data").textContent);

/** Return a single-use ticket for the socket: no token that lives longer is ever in a script's hands. */
async function ticket() {
  const response = await fetch("/api/auth/ticket", { method: "POST", headers: { "X-CSRFToken": csrfToken } });
  if (response.status === 401 || response.status === 403) throw new SignedOut("signed out: reload the page to sign in again");
  if (!response.ok) throw new Error(`no ticket: ${response.status}`);
  return (await response.json()).ticket;
}

/** The client of this page. */
export const client = new JobClient({ getToken: ticket, apiHeaders: () => ({ "X-CSRFToken": csrfToken }) });
useClient(client);
client.connect();
