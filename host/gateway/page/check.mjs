// What this browser finds out by itself: the SHA-256 of bytes as they come, and whether a manifest
// has the signature of a key.
//
// SHA-256 runs over the stream, so a file may be of any size. The signature is Ed25519 over SHA-512
// in OpenSSH's format (PROTOCOL.sshsig) and is checked by WebCrypto; where the browser has none of
// it (a page over plain HTTP from another machine, an old browser) that is said, never passed over.

import { sha256 } from "./vendor/noble-hashes-2.4.0/sha2.js";

/** Bytes that are kept beside the hash, so that what was verified can be saved. */
const KEPT_MAX = 64 * 1024 * 1024;

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * SHA-256 of a stream, in hex, its length, and its bytes where they are few. `told` hears how many
 * bytes came.
 */
export async function digest(stream, told = () => {}) {
  const hash = sha256.create();
  const reader = stream.getReader();
  let bytes = 0;
  let kept = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    hash.update(value);
    bytes += value.length;
    if (bytes > KEPT_MAX) kept = null;
    kept?.push(value);
    told(bytes);
  }
  return { sha256: hex(hash.digest()), bytes, kept };
}

const text = (words) => new TextEncoder().encode(words);

function joined(...runs) {
  const all = new Uint8Array(runs.reduce((len, run) => len + run.length, 0));
  let at = 0;
  for (const run of runs) {
    all.set(run, at);
    at += run.length;
  }
  return all;
}

/** A run of bytes behind its length. */
function framed(run) {
  const len = new Uint8Array(4);
  new DataView(len.buffer).setUint32(0, run.length);
  return joined(len, run);
}

/** Takes framed runs off the front of bytes. */
class Runs {
  constructor(bytes) {
    this.bytes = bytes;
  }
  take() {
    if (this.bytes.length < 4) throw new Error("it is cut");
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    const end = 4 + view.getUint32(0);
    if (end > this.bytes.length) throw new Error("it is cut");
    const run = this.bytes.slice(4, end);
    this.bytes = this.bytes.slice(end);
    return run;
  }
}

const ofBase64 = (words) => Uint8Array.from(atob(words), (letter) => letter.charCodeAt(0));
const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

/** The 32 bytes of the first `ssh-ed25519` in some text. Throws when there is none. */
export function keyOf(words) {
  const parts = words.split(/\s+/);
  const at = parts.indexOf("ssh-ed25519");
  if (at < 0 || !parts[at + 1]) throw new Error("that is no ssh-ed25519 key");
  const runs = new Runs(ofBase64(parts[at + 1]));
  const algorithm = runs.take();
  const key = runs.take();
  if (!same(algorithm, text("ssh-ed25519")) || key.length !== 32) {
    throw new Error("that is no ssh-ed25519 key");
  }
  return key;
}

/** Parts of an armoured signature. Throws when it is none of ours. */
function opened(armoured) {
  const inner = armoured.trim()
    .replace(/^-----BEGIN SSH SIGNATURE-----/, "").replace(/-----END SSH SIGNATURE-----$/, "");
  const blob = ofBase64(inner.replace(/\s+/g, ""));
  if (!same(blob.slice(0, 10), joined(text("SSHSIG"), Uint8Array.of(0, 0, 0, 1)))) {
    throw new Error("it is no SSH signature of version 1");
  }
  const runs = new Runs(blob.slice(10));
  const [key, namespace, , hash, signature] = [0, 1, 2, 3, 4].map(() => runs.take());
  const last = new Runs(signature);
  const algorithm = last.take();
  if (!same(hash, text("sha512")) || !same(algorithm, text("ssh-ed25519"))) {
    throw new Error("it uses another algorithm");
  }
  return { key, namespace, signature: last.take() };
}

/**
 * Whether `message` has this signature of `key` in a namespace: `{ holds, why }`; `holds` is null
 * when this browser cannot tell.
 */
export async function signed(message, armoured, namespace, key) {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) {
    return { holds: null, why: "this browser gives no cryptography to a page over plain HTTP" };
  }
  const raw = keyOf(key);
  let parts;
  try {
    parts = opened(armoured);
  } catch (error) {
    return { holds: false, why: `the signature does not read: ${error.message}` };
  }
  if (!same(parts.key, joined(framed(text("ssh-ed25519")), framed(raw)))) {
    return { holds: false, why: "it was signed with another key" };
  }
  if (!same(parts.namespace, text(namespace))) {
    return { holds: false, why: "it was signed for something else" };
  }
  const hash = new Uint8Array(await subtle.digest("SHA-512", text(message)));
  const bytes = joined(text("SSHSIG"), framed(text(namespace)), framed(text("")),
    framed(text("sha512")), framed(hash));
  let holds;
  try {
    const known = await subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
    holds = await subtle.verify({ name: "Ed25519" }, known, parts.signature, bytes);
  } catch {
    return { holds: null, why: "this browser has no Ed25519" };
  }
  return { holds, why: holds ? "" : "these are not the bytes that were signed" };
}
