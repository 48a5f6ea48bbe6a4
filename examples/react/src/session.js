/** Signing in from another origin: tokens instead of cookies. */

import { SignedOut } from "omnibrowser-jobs";

export const API_URL = import.meta.env.VITE_API_URL ?? "http://localhost:3000";
export const SOCKET_URL = import.meta.env.VITE_SOCKET_URL ?? `${API_URL.replace(/^http/, "ws")}/ws/`;

const KEY = "jobs-example:session";
const SPARE_MS = 30_000;

/** Who is signed in, and what keeps them so. It ends with the tab: what a script can read is not kept for longer. */
export class Session {
  #access;
  #refresh;
  #renewal = null;

  constructor({ user, access, refresh }) {
    this.user = user;
    this.#access = access;
    this.#refresh = refresh;
  }

  /** Return the session of this tab, null when nobody is signed in. */
  static recall() {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return kept && new Session({ access: null, ...kept });
  }

  /** Sign in; throws an Error with words for people. */
  static async begin(user, password) {
    const { access, refresh } = await post("/api/auth/token", { username: user, password });
    sessionStorage.setItem(KEY, JSON.stringify({ user, refresh }));
    return new Session({ user, access, refresh });
  }

  /** Return a token that is good for a while; throws SignedOut when there is none to be had. */
  getToken = async () => {
    if (this.#access && expiresAt(this.#access) - Date.now() > SPARE_MS) return this.#access;
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = null));
    return this.#renewal;
  };

  async end() {
    sessionStorage.removeItem(KEY);
    await post("/api/auth/logout", { refresh: this.#refresh }).catch(() => {}); // the token ends by itself, too
  }

  async #renew() {
    try {
      const { access, refresh = this.#refresh } = await post("/api/auth/refresh", { refresh: this.#refresh });
      this.#access = access;
      this.#refresh = refresh;
      sessionStorage.setItem(KEY, JSON.stringify({ user: this.user, refresh }));
      return access;
    } catch (error) {
      if (error.status === 401) throw new SignedOut("signed out");
      throw error;
    }
  }
}

async function post(path, body) {
  const response = await fetch(API_URL + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(answer.detail ?? `The server answered ${response.status}.`), { status: response.status });
  return answer;
}

function expiresAt(token) {
  const [, payload] = token.split(".");
  return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))).exp * 1000;
}
