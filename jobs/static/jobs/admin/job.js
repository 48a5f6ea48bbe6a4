/** The page of a job in the admin: the same panel as on the job's own page, live. */

import { useClient } from "../../realtime/elements.js";
import { sessionClient } from "../session.js";

const client = sessionClient({ keeps: false }); // what staff looked at stays in no browser
useClient(client);
client.connect();
