// One host as this page asks it: an address and a token, both in memory alone. The token goes out
// as a bearer header and only to that address; redirects are refused, cookies never sent.

/** What a host answered instead of what was asked. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
    this.code = problem.code || "";
  }
}

const TIMEOUT = 10_000;

export class Host {
  #token;

  /** `address` is an origin; empty means the host that served this page. */
  constructor(address, token) {
    this.address = address;
    this.#token = token;
    this.paths = new Set();
    this.caller = null;
    this.life = new AbortController();
  }

  /** How the reader tells hosts apart. */
  get name() {
    return this.address || location.host;
  }

  #ask(path, more = {}) {
    return fetch(this.address + path, {
      ...more,
      headers: { authorization: `Bearer ${this.#token}` },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
  }

  async #answer(path) {
    const signal = AbortSignal.any([this.life.signal, AbortSignal.timeout(TIMEOUT)]);
    const response = await this.#ask(path, { signal });
    const kind = response.headers.get("content-type") || "";
    // A failing host answers its health with status 503 and the reasons.
    if (!response.ok && !kind.startsWith("application/health+json")) {
      const problem = kind.includes("json") ? await response.json() : { detail: await response.text() };
      throw new Refused(response.status, problem);
    }
    return response;
  }

  /** The JSON behind a path. */
  async get(path) {
    return (await this.#answer(path)).json();
  }

  /** The text behind a path. */
  async text(path) {
    return (await this.#answer(path)).text();
  }

  /** The JSON behind a path, or null when this host has no such route. */
  async maybe(path) {
    return this.paths.has(path.split("?")[0]) ? this.get(path) : null;
  }

  /** Checks the token and learns which routes this host has. */
  async open() {
    this.caller = await this.get("/api/v1/caller");
    const document = await this.get("/api/v1/openapi.json");
    this.paths = new Set(Object.keys(document.paths));
    return this;
  }

  /** Forgets the token and ends what is under way. */
  close() {
    this.#token = "";
    this.life.abort();
  }

  /** Calls `told` for every event until the host is closed; `lost` when the stream breaks. */
  async follow(told, lost) {
    let last = { boot: 0, sequence: 0 };
    while (!this.life.signal.aborted) {
      try {
        const response = await this.#ask("/api/v1/events", { signal: this.life.signal });
        if (!response.ok) throw new Refused(response.status, {});
        lost(null);
        for await (const event of lines(response.body)) {
          const fresh = event.boot !== last.boot || event.sequence > last.sequence;
          if (fresh) {
            last = event;
            told(event);
          }
        }
      } catch (error) {
        if (this.life.signal.aborted) return;
        lost(error);
      }
      await new Promise((done) => setTimeout(done, 3_000));
    }
  }
}

/** The JSON of each `data:` line of a stream of events. */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const line of parts) {
      if (line.startsWith("data:")) yield JSON.parse(line.slice(5));
    }
  }
}
