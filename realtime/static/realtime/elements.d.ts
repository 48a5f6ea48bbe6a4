import type { JobClient } from "./client.js";

/** Have all elements of this page use `client`; without it, the first element makes one from its `api-url` and `token`. */
export function useClient(client: JobClient): void;
