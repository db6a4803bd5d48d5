/** Comma-separated values as RFC 4180 has them. */

/** Rows of cells, the first being the names of the columns. */
export function csv(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** A spreadsheet runs what begins like a formula; with an apostrophe before it, it is text. Numbers stay numbers. */
function cell(value: string | number | null): string {
  const text = String(value ?? '');
  const formula = /^[=+\-@\t\r]/.test(text) && !/^-?[0-9]+$/.test(text);
  const safe = formula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
