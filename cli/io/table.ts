/** Text in columns. Rows come in arrays, so that a long table need not be held. */
export type Column = { readonly heading: string; readonly right?: boolean };

/** Lays out one array of rows after the other: a column gets wider when it must, and never narrower. */
export function createTable(columns: readonly Column[]): (rows: readonly (readonly string[])[]) => string {
  let widths = columns.map(({ heading }) => heading.length);
  let begun = false;
  return (rows) => {
    widths = widths.map((width, at) => Math.max(width, ...rows.map((row) => row[at]?.length ?? 0)));
    const headings = begun ? [] : [columns.map(({ heading }) => heading)];
    begun = true;
    return [...headings, ...rows].map((row) => `${layOut(row, columns, widths)}\n`).join('');
  };
}

function layOut(row: readonly string[], columns: readonly Column[], widths: readonly number[]): string {
  const cells = columns.map(({ right }, at) => {
    const [text, width] = [row[at] ?? '', widths[at] ?? 0];
    return right ? text.padStart(width) : text.padEnd(width);
  });
  return cells.join('  ').trimEnd();
}
