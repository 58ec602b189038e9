// Uploads, one after the other: hashed here, sent with progress, answered when hosts have signed.

import { address, refusal } from "./api.mjs";
import { digest } from "./check.mjs";
import { byId, el, mark } from "./dom.mjs";
import { bytes } from "./words.mjs";

/** One line of the list of uploads. */
class Line {
  constructor(key) {
    this.bar = el("progress", { max: "1", "aria-label": `Upload of ${key}` });
    this.words = el("span", { role: "status" });
    this.stop = el("button", { type: "button", class: "plain" }, "Stop");
    this.item = el("li", {}, el("span", { class: "name" }, key), " ", this.words, this.bar, this.stop);
    byId("uploads").prepend(this.item);
  }
  /** Shows how far it is; no share for what has no end yet. */
  tell(words, share) {
    this.words.replaceChildren(words);
    if (share === undefined) this.bar.removeAttribute("value");
    else this.bar.value = share;
  }
  end(kind, words) {
    this.words.replaceChildren(mark(kind, kind === "pass" ? "stored" : "failed"), ` ${words}`);
    this.bar.remove();
    this.stop.remove();
  }
}

/** Sends a file; ends when the gateway answered. */
function send(file, query, sha256, line) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("PUT", address("object", query));
    request.setRequestHeader("x-holdfast-sha256", sha256);
    request.setRequestHeader("content-type", file.type || "application/octet-stream");
    request.upload.onprogress = ({ loaded }) => {
      line.tell(`sent ${bytes(loaded)} of ${bytes(file.size)}`, file.size ? loaded / file.size : 1);
    };
    request.upload.onload = () => line.tell("sent; hosts take and sign for it");
    request.onload = () => (request.status === 200
      ? done(JSON.parse(request.responseText))
      : fail(refusal(request.status, request.responseText)));
    request.onerror = () => fail(new Error("the connection broke; nothing was stored"));
    request.onabort = () => fail(new Error("stopped"));
    line.stop.onclick = () => request.abort();
    request.send(file);
  });
}

async function one(file, bucket, key, replaces) {
  const line = new Line(key);
  let stopped = false;
  line.stop.onclick = () => { stopped = true; };
  try {
    const { sha256 } = await digest(file.stream(), (count) => {
      if (stopped) throw new Error("stopped");
      line.tell(`hashed ${bytes(count)} of ${bytes(file.size)}`, count / file.size);
    });
    if (stopped) throw new Error("stopped");
    const query = { bucket, key, replace: replaces ? "1" : undefined };
    await send(file, query, sha256, line);
    line.end("pass", `${bytes(file.size)}, SHA-256 ${sha256}`);
  } catch (error) {
    line.end("fail", error.message);
  }
}

/** Uploads files under a prefix; `after` is called after each. */
export async function uploadAll(files, bucket, prefix, replaces, after) {
  for (const file of files) {
    await one(file, bucket, prefix + file.name, replaces);
    await after();
  }
}
