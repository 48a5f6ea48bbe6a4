/** The server said no: `code` is for programs, `message` for people; `errors` holds messages by field, where there are some. */
export class JobError extends Error {
  constructor(problem: { code: string; message: string; status?: number; errors?: Record<string, string[]> });
  readonly code: string;
  readonly status?: number;
  readonly errors?: Record<string, string[]>;
}

/** There is nobody signed in: asking for another token is no use. Thrown by `getToken`, it ends the connection. */
export class SignedOut extends Error {}
