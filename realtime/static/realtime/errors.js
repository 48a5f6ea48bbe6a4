/** What can go wrong for good. */

/** The server said no: `code` is for programs, `message` for people; `errors` holds messages by field, where there are some. */
export class JobError extends Error {
  name = "JobError";

  constructor({ code, message, status, errors }) {
    super(message);
    Object.assign(this, { code, status, errors });
  }
}

/** There is nobody signed in: asking for another token is no use. Thrown by `getToken`, it ends the connection. */
export class SignedOut extends Error {
  name = "SignedOut";
}
