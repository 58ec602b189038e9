// Amounts: decimal texts of smallest units, longer than a number of this language holds exactly.

const UNITS = 18n;

/** Smallest units as tokens, exact, without needless zeros. */
export function tokens(amount) {
  if (amount === null || amount === undefined) return "unknown";
  const digits = BigInt(amount).toString().padStart(Number(UNITS) + 1, "0");
  const whole = digits.slice(0, -Number(UNITS));
  const rest = digits.slice(-Number(UNITS)).replace(/0+$/, "");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return rest ? `${grouped}.${rest}` : grouped;
}

/** The sum of amounts. */
export const sum = (amounts) => amounts.reduce((all, one) => all + BigInt(one), 0n).toString();
