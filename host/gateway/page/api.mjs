// Questions to the gateway that served this page. The session is a cookie that no script sees; the
// browser itself says which page asks.

/** A no of the gateway: its status, its code, its words. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Called when the gateway says that nobody is signed in any more. */
let gone = () => {};
export const onGone = (act) => { gone = act; };

/** The address of a route; what is undefined is left out. */
export function address(route, query = {}) {
  const said = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const text = new URLSearchParams(said).toString();
  return `/api/${route}${text ? `?${text}` : ""}`;
}

/** A no as an error; its body may be none of ours when a proxy says it. */
export function refusal(status, text) {
  let said = {};
  try {
    said = JSON.parse(text).error ?? {};
  } catch {
    // A proxy's page.
  }
  if (status === 401 && said.code === "NotSignedIn") gone();
  const words = said.message ?? `the gateway answered ${status}`;
  return new Refused(status, said.code ?? "", words);
}

async function request(method, route, query, options) {
  const where = address(route, query);
  let answer;
  try {
    answer = await fetch(where, { method, credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    throw new Refused(0, "", "the gateway cannot be reached; does it run?");
  }
  if (!answer.ok) throw refusal(answer.status, await answer.text());
  return answer;
}

export const get = async (route, query) => (await request("GET", route, query)).json();
export const post = async (route, query, body) => (await request("POST", route, query, {
  body: body === undefined ? undefined : JSON.stringify(body),
  headers: body === undefined ? {} : { "content-type": "application/json" },
})).json();
export const remove = async (route, query) => (await request("DELETE", route, query)).json();

/** An answer whose body is read as it comes. */
export const stream = (route, query) => request("GET", route, query);
