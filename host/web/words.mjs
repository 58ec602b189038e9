// Numbers as people read them: bytes, spans, dates.

/** Bytes with a binary unit. */
export function bytes(count) {
  if (count === null || count === undefined) return "unknown";
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = Number(count);
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[at]}`;
}

/** Seconds as the two largest units. */
export function span(seconds) {
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let left = Math.max(0, Math.round(seconds));
  const said = [];
  for (const [unit, size] of parts) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) said.push(`${count} ${unit}`);
  }
  return said.slice(0, 2).join(" ") || "0 s";
}

/** A time as this reader's clock shows it. */
export const moment = (time) => new Date(time).toLocaleString();

/** A long name with its middle left out; the whole of it in the title. */
export const short = (text) => (text.length > 20 ? `${text.slice(0, 10)}…${text.slice(-6)}` : text);

/** A percentage, or that it is not known. */
export const percent = (value) => (value === null || value === undefined ? "unknown" : `${value} %`);

/** A value of a health check with its unit. */
export function observed(check) {
  const { observedValue: value, observedUnit: unit } = check;
  if (value === null || value === undefined) return "unknown";
  if (unit === "By") return bytes(value);
  if (unit === "s" && typeof value === "number") return span(value);
  return unit ? `${value} ${unit}` : String(value);
}
